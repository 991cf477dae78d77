// Put Blob From URL and Put Block From URL between storage services. Azurite reads only from itself, and has no
// Put Blob From URL.
//
// https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url
// https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"use strict";
const fs = require("fs");
const https = require("https");
const { URL } = require("url");

const HIDDEN = "The specified resource does not exist.";
const UNREADABLE = "Could not verify the copy source within the specified time.";
const CONDITIONS = [304, 412];
const BUSY = [429, 500, 503];

// `azurite` loads a module of Azurite. `settings()` returns the current {"urls": [url], "authority": path of the
// certificate, "busyStatus": status for a busy source or 0 for the source's own, "agent": user agent}.
function install(azurite, settings) {
  const Handler = azurite("blob/handlers/BlockBlobHandler.js").default;
  const StorageError = azurite("blob/errors/StorageError.js").default;
  const { computeAndValidateTransactionalChecksums: hashed } = azurite("blob/utils/utils.js");
  const stageFromItself = Handler.prototype.stageBlockFromURL;

  Handler.prototype.stageBlockFromURL = async function (block, length, link, options, context) {
    if (isItself(link, context)) {
      return stageFromItself.call(this, block, length, link, options, context);
    }
    const found = await fetched(this, link, options, context);
    return this.stageBlock(block, found.length, found.body, options, context);
  };

  // The content's MD5 becomes the property: whether it is right, only x-ms-source-content-md5 decides.
  Handler.prototype.putBlobFromUrl = async function (length, link, options, context) {
    const found = await fetched(this, link, options, context);
    options.blobHTTPHeaders = { ...options.blobHTTPHeaders, blobContentMD5: found.md5 };
    return this.upload(found.body, found.length, options, context);
  };

  async function fetched(handler, link, options, context) {
    if (!isItself(link, context) && !settings().urls.some((url) => link.startsWith(url))) {
      throw unreadable(404, HIDDEN, context);
    }
    const stored = await kept(handler, await asked(link, options, context), context);
    const content = () => handler.extentStore.readExtent(stored, context.contextId);
    const expected = { md5: options.sourceContentMD5 };
    const { md5 } = await hashed(await content(), expected, context.contextId, { md5: true });
    return { md5, length: stored.count, body: await content() };
  }

  async function asked(link, options, context) {
    const answer = await response(link, headersOf(options, settings().agent)).catch(() => undefined);
    if (!answer) {
      throw unreadable(500, UNREADABLE, context);
    }
    if ([200, 206].includes(answer.statusCode)) {
      return answer;
    }
    answer.resume();
    throw refusal(answer, context);
  }

  function refusal(answer, context) {
    const status = answer.statusCode;
    if (CONDITIONS.includes(status)) {
      const words = "The source condition specified using HTTP conditional header(s) is not met.";
      return new StorageError(412, "SourceConditionNotMet", words, context.contextId);
    }
    const shown = BUSY.includes(status) ? settings().busyStatus || status : status;
    const error = unreadable(shown, status === 404 ? HIDDEN : UNREADABLE, context);
    error.headers["x-ms-copy-source-status-code"] = String(status);
    error.headers["x-ms-copy-source-error-code"] = answer.headers["x-ms-error-code"];
    return error;
  }

  // A source that ends its response early is unreadable too.
  async function kept(handler, answer, context) {
    try {
      return await handler.extentStore.appendExtent(answer, context.contextId);
    } catch {
      throw unreadable(500, UNREADABLE, context);
    }
  }

  function unreadable(status, words, context) {
    return new StorageError(status, "CannotVerifyCopySource", words, context.contextId);
  }

  function response(link, headers) {
    const ca = fs.readFileSync(settings().authority);
    return new Promise((resolve, reject) => https.get(link, { ca, headers }, resolve).on("error", reject));
  }
}

function isItself(link, context) {
  return URL.canParse(link) && new URL(link).host === context.request.getHeader("host");
}

function headersOf(options, agent) {
  const conditions = options.sourceModifiedAccessConditions || {};
  const found = {
    "user-agent": agent,
    range: options.sourceRange,
    "if-match": conditions.sourceIfMatch,
    "if-none-match": conditions.sourceIfNoneMatch,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

module.exports = { install };
