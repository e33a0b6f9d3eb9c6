import { readFileSync, writeFileSync } from 'node:fs';

/** The shipped plan with stores that are clusters; how fast this machine is, is not what the test is about. */
export function writeClusterPlan(path: string, clusters: readonly string[]): string {
  const shipped = readFileSync('plans/supersmartmatch.yaml', 'utf8');
  const patient = shipped.replace('lagP99: 100ms', 'lagP99: 5s').replace('impact: 5', 'impact: 100');
  const plan = clusters.reduce(
    (text, name) => text.replace(`  - name: ${name}\n`, `  - name: ${name}\n    cluster: true\n`),
    patient,
  );
  writeFileSync(path, plan);
  return path;
}
