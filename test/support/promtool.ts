import { spawnSync } from 'node:child_process';
import { findTool } from '../../servers/tools.ts';

/** Runs Prometheus' own checker; `problems` is what it printed where it was not content, else empty. */
export function promtool(args: readonly string[], input = ''): { readonly problems: string } {
  const { status, stdout, stderr } = spawnSync(findTool('promtool'), args, { input, encoding: 'utf8' });
  return { problems: status === 0 ? '' : `${stdout}${stderr}` || `exit code ${status}` };
}
