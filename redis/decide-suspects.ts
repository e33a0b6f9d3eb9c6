import { setTimeout as delay } from 'node:timers/promises';
import { FAILURES } from '../domain/failure.ts';
import { type Keyspace, keyspaceOf } from '../domain/keyspace.ts';
import { type Link, linksOf } from '../domain/link.ts';
import type { Plan } from '../domain/plan.ts';
import type { Side } from '../domain/side.ts';
import type { LinkStatus } from '../domain/status.ts';
import type { Acceptance } from '../domain/suspicion.ts';
import { writeControl } from './control.ts';
import { readLinkStatus } from './read-link-status.ts';
import type { Stores } from './stores.ts';

/** Nothing is suspect, or more than was named: nothing was decided. */
export class NothingToDecide extends Error {
  override readonly name = FAILURES.NothingToDecide;
}

export type Wanted = { readonly word: Acceptance; readonly link?: string; readonly side?: Side };

type Suspected = { readonly link: Link; readonly side: Side; readonly sinces: readonly number[] };

const FRESH_MS = 3_000;
/** Small ones are done by then, and the answer says so; others go on. */
const WAIT_MS = 5_000;

/**
 * Hands an operator's decision to the syncs of the link (L5). It names the suspicions that stand now, so that it can
 * never be taken for a word on a later one; said twice, or carried out by a later attempt, it is the same decision.
 *
 * @throws NothingToDecide
 */
export async function decideSuspects(plan: Plan, stores: Stores, wanted: Wanted): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  const target = stores.target.redis;
  const found = await Promise.all(
    linksOf(plan).map(async (link) => suspectedOf(link, await freshStatus(target, keyspace, link))),
  );
  const { link, side, sinces } = theOne(found.flat(), wanted);
  if (wanted.word === 'restore' && side === 'source' && plan.mode === 'forward')
    throw new NothingToDecide('the mode of the plan is forward: nothing is ever written to the source');
  await writeControl(target, keyspace, link.name, { accept: { [side]: { word: wanted.word, sinces } } });
  const untilMs = Date.now() + WAIT_MS;
  const done = async () => {
    const status = await readLinkStatus(target, keyspace, link);
    const left = status ? suspectedOf(link, status) : found.flat();
    return !left.some((one) => one.side === side && one.sinces.some((since) => sinces.includes(since)));
  };
  while (!(await done()) && Date.now() < untilMs) await delay(50);
}

/** @throws when a sync is silent: asked again, its suspicions may be new */
async function freshStatus(
  target: Stores['target']['redis'],
  keyspace: Keyspace,
  link: Link,
): Promise<LinkStatus> {
  const status = await readLinkStatus(target, keyspace, link);
  if (!status || status.at < Date.now() - FRESH_MS) throw new Error(`the sync of ${link.name} is silent`);
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

function theOne(open: readonly Suspected[], wanted: Wanted): Suspected {
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
