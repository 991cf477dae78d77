const pulumi = require("@pulumi/pulumi");
const { SourceSide } = require("./source-side");

module.exports = async () => {
  const config = new pulumi.Config("from-node");
  const side = new SourceSide("images", {
    resourceGroup: "from-node",
    registry: config.require("registry"),
    registryResourceGroup: config.require("registryGroup"),
    sasExpiry: config.require("sasExpiry"),
    pipeline: "fromNodeExport",
    artifacts: config.requireObject("images"),
  });
  return { loginServer: side.loginServer, runs: side.runs, handover: side.handover };
};
