"""Review of stacks before their deployment: runs Pulumi with the policy pack and reports the violations."""
