import { writeFileSync } from 'node:fs';
import { patientText } from './patient-plan.ts';

/** Writes the patient plan. The stores in `clusters` are clusters. Returns the path. */
export function writeClusterPlan(path: string, clusters: readonly string[]): string {
  const plan = clusters.reduce(
    (text, name) => text.replace(`  - name: ${name}\n`, `  - name: ${name}\n    cluster: true\n`),
    patientText(),
  );
  writeFileSync(path, plan);
  return path;
}
