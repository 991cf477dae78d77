// Starts Azurite's blob service with accounts that can change while it runs.
//
// Azurite reads its accounts from its own environment, once a minute. Here every line on standard input is a
// new list in the same form, taken over at once and answered by the line "accounts". So a storage account that
// ARM makes answers without a restart, and no account key stands in an environment or on a command line that
// another process could read. When standard input closes, Azurite ends: it never outlives the sandbox.
// Usage: node azurite.js AZURITE_PACKAGE_FOLDER [options of Azurite's blob service]
"use strict";
const path = require("path");
const readline = require("readline");

const [folder] = process.argv.splice(2, 1);
const AccountDataStore = require(path.join(folder, "dist/src/common/AccountDataStore.js")).default;
const stores = [];
const init = AccountDataStore.prototype.init;
AccountDataStore.prototype.init = function () {
  stores.push(this);
  return init.call(this);
};

const lines = readline.createInterface({ input: process.stdin });
let started = false;
lines.on("line", (line) => {
  process.env.AZURITE_ACCOUNTS = line;
  stores.forEach((store) => store.refresh());
  if (started) {
    console.log("accounts");
  } else {
    started = true;
    process.argv[1] = path.join(folder, "dist/src/blob/main.js");
    require(process.argv[1]);
  }
});
lines.on("close", () => process.kill(process.pid, "SIGTERM"));
