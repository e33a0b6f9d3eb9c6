import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Traffic } from '../../domain/plan.ts';
import type { AuthorityRecord } from '../authority.ts';

export type TrafficNews = { readonly migration: string; readonly authority: string; readonly epoch: number };

const TRIES = 5;
const PATIENCE_MS = 2_000;

/**
 * Tells who routes requests that the authority has moved, and asks back. Apps that read `jday:authority` need none
 * of this. After the flip there is no way but forward: who cannot be told is named, and the switch goes on.
 *
 * @returns the kinds of traffic that did not confirm
 */
export async function tellTraffic(
  traffic: readonly Traffic[],
  migration: string,
  record: AuthorityRecord,
): Promise<readonly string[]> {
  const news: TrafficNews = { migration, authority: record.side, epoch: record.epoch };
  const silent: string[] = [];
  for (const one of traffic) {
    if (!(await told(one, news))) silent.push(one.kind);
  }
  return silent;
}

async function told(one: Traffic, news: TrafficNews): Promise<boolean> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const confirmed =
      one.kind === 'webhook' ? await postAndReadBack(one.url, news) : await run(one.command, news);
    if (confirmed) return true;
    if (tries < TRIES) await delay(100 * tries);
  }
  return false;
}

async function postAndReadBack(url: string, news: TrafficNews): Promise<boolean> {
  try {
    const headers = { 'content-type': 'application/json' };
    const posted = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(news),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await posted.arrayBuffer();
    if (!posted.ok) return false;
    const back = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const said = (await back.json()) as Partial<TrafficNews>;
    return back.ok && said.authority === news.authority && Number(said.epoch) === news.epoch;
  } catch {
    return false; // Not reachable, or no JSON: not confirmed.
  }
}

function run(command: readonly string[], news: TrafficNews): Promise<boolean> {
  const [program, ...args] = command;
  if (!program) return Promise.resolve(false);
  const env = {
    ...process.env,
    JDAY_MIGRATION: news.migration,
    JDAY_AUTHORITY: news.authority,
    JDAY_EPOCH: String(news.epoch),
  };
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: 'ignore', timeout: PATIENCE_MS });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
