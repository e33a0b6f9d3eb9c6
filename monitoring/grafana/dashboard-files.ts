import { fileURLToPath } from 'node:url';
import { MIGRATION_PROGRESS } from './migration-progress.ts';
import { type Dashboard, toGrafana } from './panel.ts';
import { PERFORMANCE_IMPACT } from './performance-impact.ts';

const DASHBOARDS: readonly Dashboard[] = [MIGRATION_PROGRESS, PERFORMANCE_IMPACT];

/** @returns each dashboard: the path of its file and the text that the file must hold */
export function dashboardFiles(): readonly { readonly path: string; readonly text: string }[] {
  return DASHBOARDS.map((dashboard) => ({
    path: fileURLToPath(new URL(`dashboards/${dashboard.title}.json`, import.meta.url)),
    text: `${JSON.stringify(toGrafana(dashboard), null, 2)}\n`,
  }));
}
