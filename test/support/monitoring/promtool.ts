import { spawnSync } from 'node:child_process';
import { findTool } from '../../../servers/tools.ts';

/** Runs promtool. `problems` is its output if it has found a problem, else empty. */
export function promtool(args: readonly string[], input = ''): { readonly problems: string } {
  const { status, stdout, stderr } = spawnSync(findTool('promtool'), args, { input, encoding: 'utf8' });
  return { problems: status === 0 ? '' : `${stdout}${stderr}` || `exit code ${status}` };
}
