import type { Side } from '../../../domain/plan/plan.ts';
import { renewed } from '../../../domain/protocol/loss-suspicion.ts';
import { changed } from '../explorer/app-moves.ts';
import { MORTAL } from '../explorer/values.ts';
import { BIT, BOTH, SIDES, type World } from '../explorer/world.ts';
import { apps, type Life, offersOf, set, worldsOf } from './life.ts';

/** A rename is one step: one key goes, and the other one is overwritten. */
export function rename(life: Life, link: number): void {
  const { random } = life;
  const worlds = worldsOf(life, link);
  const side = random.pick(SIDES);
  const [from, to] = [random.below(worlds.length), random.below(worlds.length)];
  const find = (key: number, verb: string) =>
    offersOf(life, worlds[key] as World, apps).find(({ name }) => name.startsWith(`app ${verb} on ${side}`));
  const [gone, put] = [find(from, 'deletes'), find(to, 'sets')];
  if (from === to || !gone || !put) return;
  const renamed = worlds.map((world, i) => (i === from ? gone.next : i === to ? put.next : world));
  set(life, link, renamed, `app renames key ${from} to ${to} on ${side}`);
}

/** The source loses its data and our records. The attempt notices it and scans every key again. */
export function flush(life: Life, link: number): void {
  const worlds = worldsOf(life, link).map((world) =>
    changed(world, 'source', { content: 0, ops: 0, entry: null, lease: 0, epoch: 0 }),
  );
  suspect(life, link, 'source', worlds, '', 'the source is flushed');
}

export function evict(life: Life, link: number): void {
  const worlds = worldsOf(life, link);
  const [side, key] = [life.random.pick(SIDES), life.random.below(worlds.length)];
  if (worlds[key]?.[side].content === 0) return;
  const evicted = worlds.map((world, i) =>
    i === key ? changed(world, side, { content: 0, ops: 0 }) : world,
  );
  suspect(life, link, side, evicted, null, `key ${key} is evicted on ${side}`);
}

export function keep(life: Life, link: number): void {
  life.kept[link] = worldsOf(life, link);
  life.trace.push(`link ${link}: the source is saved`);
}

/** The source restarts with the state that it had some time ago. The feed is lost, so every attempt ends. */
export function comeBackOld(life: Life, link: number): void {
  const kept = life.kept[link];
  if (!kept) return;
  const stamps = kept.map(({ source }) => source.entry?.stamp ?? '').sort();
  const old = worldsOf(life, link).map((world, i): World => {
    const before = (kept[i] as World).source;
    const { clock, agreed } = world.source;
    const content = clock === 1 && before.content > MORTAL ? 0 : before.content;
    const attempts = world.attempts.filter(({ leases }) => leases === 3);
    return {
      ...world,
      source: { ...before, content, clock, agreed },
      attempts,
      told: world.told & ~BIT.source,
    };
  });
  suspect(life, link, 'source', old, stamps.at(-1) ?? '', 'the source comes back with older data');
}

function suspect(
  life: Life,
  link: number,
  side: Side,
  worlds: readonly World[],
  survived: string | null,
  name: string,
): void {
  const before = worlds[0]?.suspicions ?? {};
  const suspicion = renewed(before[side] ?? null, name, survived, life.trace.length);
  const suspicions = { ...before, [side]: suspicion };
  const doubtFrom = `${worlds.flatMap(stampsOf).sort().at(-1) ?? ''}\0`;
  const looking = worlds.map((world) => lookAgain({ ...world, suspicions, doubtFrom }));
  set(life, link, looking, name);
}

function stampsOf({ source, target, attempts }: World): readonly string[] {
  const flights = attempts.map(({ flight }) => flight?.stamp ?? '');
  return [source.entry?.stamp ?? '', target.entry?.stamp ?? '', ...flights];
}

/** Makes the attempts scan the key again on both sides. */
export function lookAgain(world: World): World {
  const attempts = world.attempts.map((one) => (one.leases === 2 ? { ...one, unscanned: BOTH } : one));
  return { ...world, attempts };
}
