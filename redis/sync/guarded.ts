import { tagged } from '../../domain/slot.ts';
import type { SidePort } from './side-port.ts';
import { LeaseLost } from './apply-writes.ts';

type Argument = string | Buffer;

/** Writes a record of ours: a command, its key, its arguments (at most 4 000). @throws LeaseLost */
export type Guarded = (command: string, key: string, ...args: readonly Argument[]) => Promise<void>;

/**
 * Our own records stand on the target, and say what the newest attempt knows: an earlier one that wakes up must not
 * take its word back (L1).
 */
export function guardedBy(port: SidePort, lease: string, token: number): Guarded {
  return async (command, key, ...args) => {
    const { run, tag } = port.nodeOf(key);
    const bytes = args.map((arg) => (typeof arg === 'string' ? Buffer.from(arg) : arg));
    if (Number(await run('guarded', [tagged(lease, tag), key], [String(token), command, ...bytes])) !== 1)
      throw new LeaseLost();
  };
}
