import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { findTool } from '../servers/tools.ts';

/**
 * The machine on which the figures were measured. This is enough to compare results, and it names neither the machine
 * nor its owner.
 */
export type Machine = {
  readonly cores: number;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  readonly redis: string;
};

export function thisMachine(): Machine {
  const version = execFileSync(findTool('redis-server'), ['--version'], { encoding: 'utf8' });
  return {
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    redis: /v=(\S+)/.exec(version)?.[1] ?? 'unknown',
  };
}
