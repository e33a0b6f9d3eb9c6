import { setTimeout as delay } from 'node:timers/promises';
import { FAILURES } from '../../domain/run/failure.ts';
import { speaks } from '../../domain/gates/fresh.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { type Link, linksOf, type Plan, type Side } from '../../domain/plan/plan.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import type { Acceptance } from '../../domain/protocol/loss-suspicion.ts';
import { readAuthority } from './authority.ts';
import { writeControl } from './control.ts';
import { readLinkStatus } from './link-status.ts';
import type { Stores } from '../client/stores.ts';

/**
 * The decision cannot be applied. Either no side is suspect, or the operator has to say which one is meant, or the
 * decision would do harm there. Nothing was decided.
 */
export class NothingToDecide extends Error {
  override readonly name = FAILURES.NothingToDecide;
}

/** An operator's decision. Without `link` or `side` it applies to the only side that is suspect. */
export type WantedDecision = { readonly word: Acceptance; readonly link?: string; readonly side?: Side };

type Suspected = { readonly link: Link; readonly side: Side; readonly sinces: readonly number[] };

/**
 * How long the caller waits for the sync to carry out the decision, ms. With few keys it is done by then. With more
 * keys the sync goes on after this wait.
 */
const WAIT_MS = 5_000;

/**
 * Passes an operator's decision to the syncs of a link. The decision names the suspicions that exist now, so a sync
 * never applies it to a later suspicion. It stays the same decision if the operator repeats it, or if a later attempt
 * of the sync carries it out.
 *
 * @param beginning a store was claimed again just now, and the syncs are starting. The function waits for them, and it
 *   is no error if they suspect nothing
 * @throws NothingToDecide
 * @throws Error a sync has not reported lately
 */
export async function resolveSuspicion(
  plan: Plan,
  stores: Stores,
  wanted: WantedDecision,
  beginning = false,
): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  const target = stores.target.redis;
  const look = () =>
    Promise.all(
      linksOf(plan).map(async (link) => suspectedOf(link, await freshStatus(target, keyspace, link))),
    );
  const found = beginning ? await patiently(look) : await look();
  if (beginning && found.flat().length === 0) return;
  const { link, side, sinces } = theOne(found.flat(), wanted);
  if (side === 'source') await refuseOnSource(plan, stores, wanted.word);
  await writeControl(target, keyspace, link.name, { accept: { [side]: { word: wanted.word, sinces } } });
  const untilMs = performance.now() + WAIT_MS;
  const done = async () => {
    const status = await readLinkStatus(target, keyspace, link);
    const left = status ? suspectedOf(link, status) : found.flat();
    return !left.some((one) => one.side === side && one.sinces.some((since) => sinces.includes(since)));
  };
  while (!(await done()) && performance.now() < untilMs) await delay(50);
}

/**
 * Refuses a decision about a source store that would do harm. Once V2 serves, the apps of the source are fenced, so no
 * app has deleted the keys that are missing there. `absence` would delete these keys on V2, so it is refused, and
 * `restore` writes them back.
 *
 * With `mode: forward` nothing is ever written to the source, so `restore` is refused. There `absence` ends the
 * suspicion, and once V2 serves it keeps its keys.
 */
async function refuseOnSource({ mode }: Plan, { target }: Stores, word: Acceptance): Promise<void> {
  if (mode === 'forward') {
    if (word === 'absence') return;
    throw new NothingToDecide(
      'the mode of the plan is forward: nothing is ever written to the source. Say --accept absence; once V2 serves, it keeps its keys',
    );
  }
  if (word === 'absence' && (await readAuthority(target.redis))?.side === 'target')
    throw new NothingToDecide(
      'V2 serves, and would lose what it serves: say --accept restore, and the source gets it back',
    );
}

/** Longest wait for syncs that are starting, ms. An attempt that could not begin is repeated within seconds. */
const BEGIN_MS = 20_000;

async function patiently<T>(look: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + BEGIN_MS;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await delay(100);
    }
  }
}

/** @throws Error the sync has not reported lately, so its suspicions may be other ones by now: ask again */
async function freshStatus(
  target: Stores['target']['redis'],
  keyspace: Keyspace,
  link: Link,
): Promise<LinkStatus> {
  const status = await readLinkStatus(target, keyspace, link);
  if (!status || !speaks(status)) throw new Error(`the sync of ${link.name} is silent`);
  return status;
}

function suspectedOf(link: Link, { suspects = [] }: LinkStatus): readonly Suspected[] {
  return (['source', 'target'] as const)
    .map((side) => ({
      link,
      side,
      sinces: suspects.filter((one) => one.side === side).map(({ since }) => since),
    }))
    .filter(({ sinces }) => sinces.length > 0);
}

function theOne(open: readonly Suspected[], wanted: WantedDecision): Suspected {
  const fits = open.filter(
    ({ link, side }) => link.name === (wanted.link ?? link.name) && side === (wanted.side ?? side),
  );
  const [one, ...others] = fits;
  if (one && others.length === 0) return one;
  const names = (all: readonly Suspected[]) => all.map(({ link, side }) => `${link.name} ${side}`).join(', ');
  if (one) throw new NothingToDecide(`several sides are suspect, say link and side: ${names(fits)}`);
  throw new NothingToDecide(
    open.length === 0
      ? 'no breaker is open, nothing is held back'
      : `that side is not suspect. Suspect now: ${names(open)}`,
  );
}
