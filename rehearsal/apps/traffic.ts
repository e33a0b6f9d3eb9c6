import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Side } from '../../domain/side.ts';
import type { Home } from '../entry.ts';
import type { Spelling } from '../form.ts';
import { nameOnV2 } from '../names.ts';
import type { WriteLog } from './log.ts';
import type { Operation } from './operation.ts';
import type { AppName } from './record.ts';
import type { Route } from './route.ts';
import { send } from './send.ts';
import type { Tally } from './tally.ts';

const RETRY_MS = 10;
/** After this long without a side that takes writes, the request fails, as a user would see it. */
const GIVE_UP_MS = 20_000;

export type Target = { readonly home: Home; readonly key: string; readonly spelling: Spelling };

/** `done`: acknowledged · `not-there`: the key was gone · `refused`: fenced · `unknown`: no answer, never touch it again. */
export type Outcome = 'done' | 'not-there' | 'refused' | 'unknown';

/** Writes where the authority is. */
export type Follow = (write: Write) => Promise<Outcome>;

export type Traffic = {
  /** One attempt on one side. */
  once(side: Side, write: Write): Promise<Outcome>;
  /** On the side that serves; refused there, the app asks again who serves and tries there. */
  readonly follow: Follow;
};

/** A write keeps its number when it is tried again elsewhere. */
export type Write = { readonly n: number; readonly target: Target; readonly operation: Operation };

export function trafficOf(app: AppName, links: Links, tally: Tally): Traffic {
  const once = async (side: Side, { n, target, operation }: Write): Promise<Outcome> => {
    const name = side === 'target' ? nameOnV2(target.home, target.key) : target.key;
    const look = { form: side, spelling: target.spelling };
    const sentAt = Date.now();
    const { home, key, spelling } = target;
    const note = (fate: 'ok' | 'maybe') => {
      links.log.append({
        n,
        app,
        home,
        key,
        spelling,
        side,
        operation,
        sentAt,
        answeredAt: Date.now(),
        fate,
      });
    };
    try {
      if (!(await send(links[side], Buffer.from(name, 'latin1'), operation, look))) return 'not-there';
      note('ok');
      tally.acknowledged(side);
      return 'done';
    } catch (error) {
      if (isRefusal(error)) {
        tally.refused();
        return 'refused';
      }
      note('maybe');
      return 'unknown';
    }
  };
  return { once, follow: (write) => followed(write, once, links.route, tally) };
}

async function followed(write: Write, once: Traffic['once'], route: Route, tally: Tally): Promise<Outcome> {
  const began = Date.now();
  let { side } = route.known();
  for (;;) {
    const outcome = await once(side, write);
    if (outcome !== 'refused') {
      tally.waited(Date.now() - began);
      if (outcome === 'not-there') tally.vanished();
      return outcome;
    }
    if (Date.now() - began > GIVE_UP_MS) return 'refused';
    const next = await route.refresh();
    if (next.side === side) await delay(RETRY_MS);
    side = next.side;
  }
}

/** NOPERM is a definite no: nothing was written. A transaction in which a command was refused was not run. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(NOPERM|EXECABORT)/.test(error.message);
}

export type Links = {
  /** The app's own store, with the app's own user. */
  readonly source: Redis;
  /** V2, with V2's user. */
  readonly target: Redis;
  readonly route: Route;
  readonly log: WriteLog;
};
