// Runs a Node.js program on the engine without the vendor's `pulumi-language-nodejs`: the Automation API serves
// the program from this process. node inline.js FOLDER STACK up|destroy; the outputs are printed as JSON.
const path = require("node:path");
const { LocalWorkspace } = require("@pulumi/pulumi/automation");

const main = async ([folder, stackName, verb]) => {
  const workDir = path.resolve(folder);
  const stack = await LocalWorkspace.createOrSelectStack({ stackName, workDir });
  stack.workspace.program = async () => require(workDir)();
  const result = await stack[verb]({ color: "never", onOutput: (text) => process.stderr.write(text) });
  const plain = Object.entries(result.outputs ?? {}).map(([name, output]) => [name, output.value]);
  console.log(JSON.stringify({ outputs: Object.fromEntries(plain), changes: result.summary.resourceChanges ?? {} }));
};

main(process.argv.slice(2)).catch((failure) => {
  console.error(failure.message);
  process.exit(1);
});
