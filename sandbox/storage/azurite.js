// Starts Azurite's blob service with accounts, keys and permissions that can change while it runs.
//
// Azurite reads its accounts from its environment, once per minute. Here each line on standard input is a new
// state, which applies immediately and is acknowledged by the line "accounts". So a new storage account works
// without a restart, and account keys are neither in an environment nor on a command line, which other
// processes could read. Azurite ends when standard input closes, so it never outlives the sandbox.
//
// A line is {"issuer", "publicKey", "clock", "copySource", "faults": [fault], "accounts": {name: {"keys": [key1, key2],
// "sharedKey": bool, "open": bool, "openToService": bool, "audiences": [url], "grants": {principal: {container
// or "*": [right]}}}}}, with the rights of sandbox/storage/blobs.py. The line "needed PRINCIPAL ACCOUNT CONTAINER
// RIGHT" reports each right that a request with a token needed, once. A principal with "everywhere" is also
// permitted by a closed network. `clock` is the difference in
// seconds of Azurite's time from the machine's, and `copySource` is described in copy_source.js. A fault has the fields of sandbox/faults/fault.py, a number, and
// its path as a regular expression; the line "met NUMBER" reports each matching request. Azurite checks keys and
// SAS tokens itself. This script checks the rest: accounts with disabled keys or a closed network, and Entra
// tokens with their roles.
// Usage: node azurite.js AZURITE_PACKAGE_FOLDER [options of Azurite's blob service]
"use strict";
const https = require("https");
const path = require("path");
const readline = require("readline");
const copySource = require("./copy_source.js");

const [folder] = process.argv.splice(2, 1);
// Azurite loads its telemetry library although telemetry is off: most of its start time and a third of its memory.
const telemetry = require.resolve("applicationinsights", { paths: [folder] });
require.cache[telemetry] = { id: telemetry, filename: telemetry, loaded: true, exports: {} };
const azurite = (file) => require(path.join(folder, "dist/src", file));
const AccountDataStore = azurite("common/AccountDataStore.js").default;
const Authentication = azurite("blob/middlewares/AuthenticationMiddlewareFactory.js").default;
const Listeners = azurite("blob/BlobRequestListenerFactory.js").default;
const StorageError = azurite("blob/errors/StorageError.js").default;
const { verify } = require(require.resolve("jsonwebtoken", { paths: [folder] }));

const LAST_ANSWERS = 300; // milliseconds
const sockets = new Set();
const createServer = https.createServer;
https.createServer = (...given) =>
  createServer(...given).on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

let state = { accounts: {}, faults: [], clock: 0 };

const MachineDate = Date;
global.Date = class Date extends MachineDate {
  constructor(...parts) {
    super(...(parts.length ? parts : [global.Date.now()]));
  }
  static now() {
    return MachineDate.now() + 1000 * state.clock;
  }
};

// A firewall shuts the other storage service out as it does the transfer service, whatever its IP rules.
copySource.install(azurite, () => ({ ...state.copySource, agent: SERVICE }));

const stores = [];
const init = AccountDataStore.prototype.init;
AccountDataStore.prototype.init = function () {
  stores.push(this);
  return init.call(this);
};

const createListener = Listeners.prototype.createRequestListener;
Listeners.prototype.createRequestListener = function () {
  const serve = createListener.call(this);
  return (request, response) => {
    if (!OWN_HOST.test(request.headers.host || "")) {
      return refuse(MISDIRECTED, request, response);
    }
    if (!isText(request.url.split("?")[0])) {
      return refuse(INVALID_URI, request, response);
    }
    const fault = meet(request);
    if (!fault) {
      return serve(request, response);
    }
    return setTimeout(() => play(fault, request, response, serve), 1000 * (fault.delay || 0));
  };
};

// For bytes that are not UTF-8 Azurite answers 500.
const INVALID_URI = { status: 400, code: "InvalidUri", words: "The request URI is invalid." };

function isText(encoded) {
  try {
    decodeURIComponent(encoded);
    return true;
  } catch {
    return false;
  }
}

// As sandbox/http/host_header.py: a web page whose name resolves to this machine reaches nothing.
const OWN_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const MISDIRECTED = { status: 421, code: "MisdirectedRequest", words: "The request is for another host." };

const ITSELF = "acr-transfer-sandbox"; // the user agent of the sandbox's own client, see blobs.py
const SERVICE = "acr-transfer-service"; // the user agent of the transfer service, see blobs.py
const met = {}; // the number of matching requests by the number of the fault

function meet(request) {
  if ((request.headers["user-agent"] || "").startsWith(ITSELF)) {
    return undefined; // faults apply to clients, not to the management endpoint
  }
  for (const fault of state.faults) {
    const mine = !fault.method || fault.method.toUpperCase() === request.method;
    if (!mine || !new RegExp(fault.pattern, "i").test(request.url) || spent(fault)) {
      continue;
    }
    met[fault.id] = seen(fault) + 1;
    console.log(`met ${fault.id}`);
    if (met[fault.id] > (fault.skip || 0)) {
      return fault;
    }
  }
  return undefined;
}

function seen(fault) {
  return met[fault.id] ?? fault.met; // the count continues after a restart
}

function spent(fault) {
  return fault.times && seen(fault) >= (fault.skip || 0) + fault.times;
}

function play(fault, request, response, serve) {
  if (fault.status) {
    return refuse(fault, request, response);
  }
  if (fault.cut === "before") {
    return request.socket.destroy();
  }
  if (fault.cut === "after") {
    response.write = () => true;
    response.end = () => request.socket.destroy();
  }
  if (fault.damage) {
    damage(response);
  }
  return serve(request, response);
}

function damage(response) {
  const write = response.write;
  response.write = function (chunk, ...more) {
    const damaged = Buffer.from(chunk);
    damaged[0] ^= 1;
    response.write = write;
    return write.call(this, damaged, ...more);
  };
}

function refuse(fault, request, response) {
  request.resume(); // without reading the body, the client would see a closed connection instead of the response
  const text = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${fault.code}</Code><Message>${fault.words}</Message></Error>`;
  const marks = { "x-ms-error-code": fault.code, "Content-Type": "application/xml" };
  if (fault.retry_after !== undefined) {
    marks["Retry-After"] = String(fault.retry_after);
  }
  response.writeHead(fault.status, marks);
  response.end(request.method === "HEAD" ? undefined : text);
}

const authenticate = Authentication.prototype.authenticate;
Authentication.prototype.authenticate = async function (context, request, response, authenticators) {
  const account = state.accounts[context.account];
  const refused = (status, code, words) => new StorageError(status, code, words, context.contextId);
  const [scheme, token] = (request.getHeader("authorization") || "").split(" ");
  if (account && scheme.toLowerCase() === "bearer") {
    return admitted(account, context, request, token, refused);
  }
  refuseClosed(account, request, refused);
  if (account && !account.sharedKey) {
    const words = "Key based authentication is not permitted on this storage account.";
    throw refused(403, "KeyBasedAuthenticationNotPermitted", words);
  }
  return signed(() => authenticate.call(this, context, request, response, authenticators), refused);
};

// For an invalid SAS token Azurite returns the error that Azure returns only for a closed network.
async function signed(check, refused) {
  const words = "Server failed to authenticate the request. Make sure the value of Authorization header is formed " +
    "correctly including the signature.";
  try {
    if (await check()) {
      return true;
    }
  } catch (error) {
    if (error.storageErrorCode !== "AuthorizationFailure") {
      throw error;
    }
  }
  throw refused(403, "AuthenticationFailed", words);
}

function refuseClosed(account, request, refused) {
  const isService = (request.getHeader("user-agent") || "").startsWith(SERVICE);
  if (account && !(isService ? account.openToService : account.open)) {
    throw refused(403, "AuthorizationFailure", "This request is not authorized to perform this operation.");
  }
}

// The rights that Azure requires of a token:
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
function neededRight(method, query) {
  const lists = query("comp") === "list";
  if (query("restype") === "service") {
    return "delegate";
  }
  if ((query("restype") === "container" && !lists) || (lists && !query("restype"))) {
    return { GET: "readContainer", HEAD: "readContainer", DELETE: "deleteContainer" }[method] || "writeContainer";
  }
  return { GET: "read", HEAD: "read", DELETE: "delete" }[method] || "write";
}

const needed = new Set();
function report(line) {
  if (!needed.has(line)) {
    needed.add(line);
    console.log(line);
  }
}

function admitted(account, context, request, token, refused) {
  const expected = { algorithms: ["RS256"], issuer: state.issuer };
  expected.audience = ["https://storage.azure.com", "https://storage.azure.com/", ...account.audiences];
  let claims;
  try {
    claims = verify(token, state.publicKey, expected);
  } catch (error) {
    throw refused(401, "InvalidAuthenticationInfo", `Server failed to authenticate the request: ${error.message}.`);
  }
  const granted = account.grants[claims.oid] || {};
  if (!granted.everywhere) {
    refuseClosed(account, request, refused);
  }
  const right = neededRight(request.getMethod(), (name) => request.getQuery(name));
  if (!granted.everywhere) {
    report(`needed ${claims.oid} ${context.account} ${context.container || "-"} ${right}`);
  }
  const rights = [...(granted["*"] || []), ...(granted[context.container] || [])];
  if (!rights.includes(right)) {
    const words = "This request is not authorized to perform this operation using this permission.";
    throw refused(403, "AuthorizationPermissionMismatch", words);
  }
  return true;
}

const lines = readline.createInterface({ input: process.stdin });
let started = false;
lines.on("line", (line) => {
  state = { faults: [], clock: 0, ...JSON.parse(line) };
  const listed = Object.entries(state.accounts).map(([name, account]) => [name, ...account.keys].join(":"));
  process.env.AZURITE_ACCOUNTS = listed.join(";");
  stores.forEach((store) => store.refresh());
  if (started) {
    console.log("accounts");
  } else {
    started = true;
    process.argv[1] = path.join(folder, "dist/src/blob/main.js");
    require(process.argv[1]);
  }
});
// Azurite listens before it handles SIGTERM. It would also wait for open connections: they are closed after the
// current responses.
function end() {
  if (!process.listenerCount("SIGTERM")) {
    return setTimeout(end, 20);
  }
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => sockets.forEach((socket) => socket.destroy()), LAST_ANSWERS);
}
lines.on("close", end);
