// A shortened, untyped version of the code that `pulumi package add ../../components` generates.
const pulumi = require("@pulumi/pulumi");

const outputs = ["loginServer", "containerUrl", "exportPipelineId", "sasSecretUri", "runs", "handover"];

/** Exports images from a registry: container, vault, SAS token, pipeline and runs. */
class SourceSide extends pulumi.ComponentResource {
  constructor(name, args, opts) {
    const unknown = Object.fromEntries(outputs.map((output) => [output, undefined]));
    super("acr-transfer:index:SourceSide", name, { ...args, ...unknown }, opts, true);
  }
}

module.exports = { SourceSide };
