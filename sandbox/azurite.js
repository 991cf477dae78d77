// Starts Azurite's blob service with accounts, keys and rights that can change while it runs.
//
// Azurite reads its accounts from its own environment, once a minute. Here every line on standard input is a
// new state, taken over at once and answered by the line "accounts". So a storage account that ARM makes
// answers without a restart, and no account key stands in an environment or on a command line that another
// process could read. When standard input closes, Azurite ends: it never outlives the sandbox.
//
// A line is {"issuer", "publicKey", "accounts": {name: {"keys": [key1, key2], "sharedKey": bool, "open": bool,
// "audiences": [url], "grants": {principal: {container or "*": "read" or "write"}}}}}; a principal that has
// "everywhere" comes past a closed network too. Azurite checks keys and SAS tokens
// itself; what it does not know is checked here: accounts whose keys or whose network are switched off, and
// Entra tokens with their roles.
// Usage: node azurite.js AZURITE_PACKAGE_FOLDER [options of Azurite's blob service]
"use strict";
const https = require("https");
const path = require("path");
const readline = require("readline");

const [folder] = process.argv.splice(2, 1);
// The telemetry, which is switched off, would take most of the time to start and a third of the memory.
const telemetry = require.resolve("applicationinsights", { paths: [folder] });
require.cache[telemetry] = { id: telemetry, filename: telemetry, loaded: true, exports: {} };
const azurite = (file) => require(path.join(folder, "dist/src", file));
const AccountDataStore = azurite("common/AccountDataStore.js").default;
const Authentication = azurite("blob/middlewares/AuthenticationMiddlewareFactory.js").default;
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

let state = { accounts: {} };
const stores = [];
const init = AccountDataStore.prototype.init;
AccountDataStore.prototype.init = function () {
  stores.push(this);
  return init.call(this);
};

const authenticate = Authentication.prototype.authenticate;
Authentication.prototype.authenticate = async function (context, request, response, authenticators) {
  const account = state.accounts[context.account];
  const refused = (status, code, words) => new StorageError(status, code, words, context.contextId);
  const [scheme, token] = (request.getHeader("authorization") || "").split(" ");
  if (account && scheme.toLowerCase() === "bearer") {
    return admitted(account, context, request.getMethod(), token, refused);
  }
  refuseClosed(account, refused);
  if (account && !account.sharedKey) {
    const words = "Key based authentication is not permitted on this storage account.";
    throw refused(403, "KeyBasedAuthenticationNotPermitted", words);
  }
  return authenticate.call(this, context, request, response, authenticators);
};

function refuseClosed(account, refused) {
  if (account && !account.open) {
    throw refused(403, "AuthorizationFailure", "This request is not authorized to perform this operation.");
  }
}

function admitted(account, context, method, token, refused) {
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
    refuseClosed(account, refused);
  }
  const rights = [granted["*"], granted[context.container]];
  const wanted = ["GET", "HEAD"].includes(method) ? ["read", "write"] : ["write"];
  if (!rights.some((right) => wanted.includes(right))) {
    const words = "This request is not authorized to perform this operation using this permission.";
    throw refused(403, "AuthorizationPermissionMismatch", words);
  }
  return true;
}

const lines = readline.createInterface({ input: process.stdin });
let started = false;
lines.on("line", (line) => {
  state = JSON.parse(line);
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
// Azurite listens a moment before it can end well. And it would wait for clients that keep a connection open: what
// they have asked for is answered, then all go.
function end() {
  if (!process.listenerCount("SIGTERM")) {
    return setTimeout(end, 20);
  }
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => sockets.forEach((socket) => socket.destroy()), LAST_ANSWERS);
}
lines.on("close", end);
