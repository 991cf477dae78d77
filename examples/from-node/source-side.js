// A short form of the code with types that `pulumi package add ../../components` generates.
const pulumi = require("@pulumi/pulumi");

const outputs = ["loginServer", "containerUrl", "exportPipelineId", "sasSecretUri", "runs", "handover"];

/** A registry with all that it needs to export: container, vault, token, pipeline, runs. */
class SourceSide extends pulumi.ComponentResource {
  constructor(name, args, opts) {
    const unknown = Object.fromEntries(outputs.map((output) => [output, undefined]));
    super("acr-transfer:index:SourceSide", name, { ...args, ...unknown }, opts, true);
  }
}

module.exports = { SourceSide };
