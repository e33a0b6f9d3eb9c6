import { appMoves } from '../explorer/app-moves.ts';
import { attemptMoves } from '../explorer/attempt-moves.ts';
import { type Bounds, PROTOCOL, type Protocol } from '../explorer/bounds.ts';
import type { Move } from '../explorer/explore.ts';
import { beginMoves, switchMoves } from '../explorer/switch-moves.ts';
import { type Attempt, beginning, type World } from '../explorer/world.ts';
import { writeMoves } from '../explorer/write-moves.ts';
import type { Seeded } from '../../support/seeded.ts';

/** V1 and Nexten, each with its own sync. They share the target's server, the authority and the fence. */
export const LINKS = [0, 1] as const;
const KEYS = 2;

/**
 * Two links with two keys each. Every key is a world of the explorer. What happens to a server happens to all its keys.
 */
export type Life = {
  readonly random: Seeded;
  readonly bounds: Bounds;
  readonly protocol: Protocol;
  readonly links: World[][];
  /** The state of each source some time ago; `null` = none was kept. */
  readonly kept: (readonly World[] | null)[];
  readonly trace: string[];
};

export type Offer = (life: Life, world: World, move: Move<World>) => void;
type Taken = { readonly name: string; readonly next: World };

export function newLife(random: Seeded, protocol: Protocol = PROTOCOL): Life {
  const flag = () => random.chance(0.5);
  const bounds = {
    ...{
      writes: 7,
      attempts: Number.POSITIVE_INFINITY,
      flips: random.below(3),
      expiry: flag(),
      again: flag(),
    },
    ...{
      optimistic: flag(),
      knows: flag(),
      zombies: flag(),
      empty: false,
      strangers: flag(),
      silent: flag(),
    },
  };
  const keys = () => Array.from({ length: KEYS }, () => beginning(bounds.expiry, flag()));
  return { random, bounds, protocol, links: LINKS.map(keys), kept: [null, null], trace: [] };
}

export const apps: Offer = ({ bounds }, world, move) =>
  appMoves(world, bounds, (name, next) => {
    if (name.startsWith('app')) move(name, next);
  });

export const clocks: Offer = ({ bounds }, world, move) =>
  appMoves(world, bounds, (name, next) => {
    if (name.startsWith('clock')) move(name.replace(' passes the expiry', ''), next);
  });

export const begins: Offer = ({ bounds }, world, move) => beginMoves(world, bounds, move);
/** An attempt that has begun takes its next lease. */
export const leases: Offer = ({ bounds }, world, move) =>
  beginMoves(world, bounds, (name, next) => {
    if (name.includes('takes the lease')) move(name, next);
  });
export const switches: Offer = ({ bounds, protocol }, world, move) =>
  switchMoves(world, bounds, protocol, move);

export const syncs: Offer = ({ bounds, protocol }, world, move) => {
  for (const one of world.attempts) {
    if (one.leases === 2) attemptMoves(world, one, bounds, protocol, move);
    writeMoves(world, one, bounds, protocol, move);
  }
};

export function worldsOf(life: Life, link: number): readonly World[] {
  return life.links[link] as World[];
}

export function set(life: Life, link: number, worlds: readonly World[], name: string): void {
  life.trace.push(`link ${link}: ${name}`);
  life.links[link] = [...worlds];
}

export function offersOf(life: Life, world: World, offer: Offer): readonly Taken[] {
  const offered: Taken[] = [];
  offer(life, world, (name, next) => offered.push({ name, next }));
  return offered;
}

/** Makes one move of one key. Returns false when there is none. */
export function moveKey(life: Life, link: number, key: number, offer: Offer): boolean {
  const worlds = worldsOf(life, link);
  const world = worlds[key] as World;
  const offered = offersOf(life, world, offer);
  if (offered.length === 0) return false;
  const { name, next } = life.random.pick(offered);
  // An attempt that finds itself fenced out ends for all its keys. The last write of a killed one belongs to one key.
  const ended = world.attempts.filter((one) => one.leases === 2 && !has(next, one)).map(({ token }) => token);
  const left = (each: World) => ({
    ...each,
    attempts: each.attempts.filter(({ token }) => !ended.includes(token)),
  });
  set(
    life,
    link,
    worlds.map((each, i) => left(i === key ? next : each)),
    `key ${key}: ${name}`,
  );
  return true;
}

function has(world: World, { token }: Attempt): boolean {
  return world.attempts.some((one) => one.token === token);
}

/** Makes one move of a server or an attempt for all keys of these links at once, if each of them offers it. */
export function moveAll(life: Life, links: readonly number[], offer: Offer, wanted = ''): boolean {
  const offered = links.map((link) => worldsOf(life, link).map((world) => offersOf(life, world, offer)));
  const all = offered.flat();
  const names = (all[0] ?? []).map(({ name }) => name).filter((name) => name.startsWith(wanted));
  const common = names.filter((name) => all.every((each) => each.some((one) => one.name === name)));
  if (common.length === 0) return false;
  const name = life.random.pick(common);
  const taken = (each: readonly Taken[]) => (each.find((one) => one.name === name) as Taken).next;
  for (const [i, link] of links.entries()) set(life, link, (offered[i] ?? []).map(taken), name);
  return true;
}
