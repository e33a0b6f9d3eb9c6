import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { partThatNames } from '../../domain/plan/allowance.ts';
import { interpolate } from '../../domain/plan/environment.ts';
import type { TrafficHook } from '../../domain/plan/plan.ts';
import { plainEnvironment } from '../../servers/plain-environment.ts';
import type { Environment } from '../client/connection.ts';
import type { AuthorityRecord } from '../../domain/authority/authority-record.ts';

/** The message to a traffic hook: a webhook gets it as JSON, a command in its environment. */
export type TrafficNews = { readonly migration: string; readonly authority: string; readonly epoch: number };

/** What this worker has for hooks: variables, and the programs that it allows (absolute paths). */
export type TrafficMeans = { readonly environment: Environment; readonly programs: readonly string[] };

const TRIES = 5;
const PATIENCE_MS = 2_000;

/**
 * Tells the plan's traffic hooks (webhooks and commands that route requests) that the authority has moved, and waits
 * for their confirmation. Apps that read `jday:authority` do not need this. After the flip the switch can only go
 * forward. So a hook that does not confirm is reported, and the switch goes on.
 *
 * @returns the kinds of the hooks that did not confirm
 */
export async function tellTraffic(
  traffic: readonly TrafficHook[],
  migration: string,
  record: AuthorityRecord,
  means: TrafficMeans,
): Promise<readonly string[]> {
  const news: TrafficNews = { migration, authority: record.side, epoch: record.epoch };
  const silent: string[] = [];
  for (const one of traffic) {
    const act = actOf(one, news, means);
    if (!act) silent.push(`${one.kind} (not allowed by this worker, or a variable of it is not set)`);
    else if (!(await told(act))) silent.push(one.kind);
  }
  return silent;
}

/**
 * Fills in the references of a hook. Only here, in the worker, so that the history of the workflow holds no token.
 *
 * @returns one try to tell the hook; `null` = this worker may not or cannot
 */
function actOf(hook: TrafficHook, news: TrafficNews, { environment, programs }: TrafficMeans) {
  const filled = (text: string) => interpolate(text, environment);
  try {
    if (hook.kind === 'webhook') {
      const url = filled(hook.url);
      return () => postAndReadBack(url, news);
    }
    const [program = '', ...args] = hook.command;
    if (!programs.includes(program)) return null;
    const words = args.map(filled);
    return () => run(program, words, { ...plainEnvironment(), ...ofTraffic(environment) }, news);
  } catch {
    return null; // A variable is not set.
  }
}

/** The variables that are meant for hooks. A command gets no other of the worker's. */
function ofTraffic(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => partThatNames(name) === 'traffic'),
  );
}

async function told(act: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 1; tries <= TRIES; tries++) {
    if (await act()) return true;
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
    return false; // The hook is not reachable, or its answer is no JSON: not confirmed.
  }
}

function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  news: TrafficNews,
): Promise<boolean> {
  const env = {
    ...environment,
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
