/**
 * Writes the dashboards that Grafana reads: `npx tsx monitoring/grafana/write-dashboards.ts`. A test compares the files
 * with this code.
 */
import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './dashboard-files.ts';

for (const { path, text } of dashboardFiles()) writeFileSync(path, text);
