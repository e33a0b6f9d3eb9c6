import type { Side } from '../../../domain/side.ts';
import type { Seeded } from '../../support/seeded.ts';

/** One atomic act of an app: what it does, and the keys whose states it may change. */
export type Act = { readonly keys: readonly Name[]; readonly commands: readonly (readonly Word[])[] };
export type Word = string | Name;

/** A key as its owner dataset names it on each side. Byte strings. */
export type Name = {
  readonly dataset: 'match' | 'metrics' | 'plain';
  readonly source: string;
  readonly target: string;
};

export const nameOn = (name: Name, side: Side): Buffer => Buffer.from(name[side], 'latin1');

const HOT = ['a', 'b', '\xff\x00\n{*}'];
const COLD = Array.from({ length: 8 }, (_, i) => `cold ${i}`);

/** Keys of one link: a transformed dataset, a renamed one, a plain one. On V2 those of Nexten are called otherwise than on Nexten. */
export type Keys = {
  readonly all: readonly Name[];
  readonly hot: readonly Name[];
  readonly moveTo: readonly Name[];
};

export function keysOf(link: string): Keys {
  const prefix = link === 'nexten' ? 'nx:' : '';
  const named = (last: string): readonly Name[] => [
    { dataset: 'match', source: `match:${last}`, target: `${prefix}match:${last}` },
    { dataset: 'metrics', source: `metrics:${last}`, target: `metrics:${link}:${last}` },
    { dataset: 'plain', source: `plain:${last}`, target: `${prefix}plain:${last}` },
  ];
  const moveTo = HOT.flatMap(named);
  return { all: [...HOT, ...COLD].flatMap(named), hot: moveTo.filter((_name, i) => i % 2 === 0), moveTo };
}

export type Writer = { readonly random: Seeded; readonly side: Side; readonly keys: Keys };
type Draw = Writer & { readonly id: string; readonly name: Name; readonly nowMs: number };

/** The next act of an app of `side`; `id` is in whatever it writes, so that each state tells who wrote it. */
export function drawAct(writer: Writer, id: string, nowMs: number): Act {
  const { random, keys } = writer;
  const name = random.chance(0.75) ? random.pick(keys.hot) : random.pick(keys.all);
  const draw: Draw = { ...writer, id, name, nowMs };
  const kinds = [write, write, write, write, renew, renew, persist, remove, recreate, move];
  return random.pick(kinds)(draw);
}

function write(draw: Draw): Act {
  const { random, name } = draw;
  const commands = [...random.pick([text, text, document, hash, list, set, zset, stream])(draw)];
  if (random.chance(0.3)) commands.push(expiry(draw));
  return { keys: [name], commands };
}

function text({ random, name, id }: Draw): Word[][] {
  return [random.chance(0.5) ? ['SET', name, id] : ['SET', name, `${id}\x00\xfe`, 'KEEPTTL']];
}

/** In the form of its side; the elements of the list belong to the partner and keep their names. */
function document({ random, side, name, id }: Draw): Word[][] {
  const jobs = side === 'target' ? 'jobs' : random.pick(['offers', 'offres', 'job_data', 'jobs']);
  const key = side === 'target' ? 'job_id' : random.pick(['offer_id', 'job_id']);
  return [
    ['SET', name, `{"${key}":"${id}", "${jobs}":[{"note":94.5,"id":12345678901234567890}],"score":1.0}`],
  ];
}

function hash({ random, side, name, id }: Draw): Word[][] {
  const jobs = side === 'target' ? 'jobs' : random.pick(['offers', 'job_data']);
  const whole: Word[] = ['HSET', name, 'id', id, jobs, '[1]', 'empty', ''];
  if (random.chance(0.2)) for (let i = 0; i < 150; i++) whole.push(`field ${i}`, `${id} ${i}`);
  return random.chance(0.5)
    ? [['UNLINK', name], whole]
    : [
        ['ONLY', name, 'hash'],
        ['HSET', name, 'id', id],
      ];
}

function list({ name, id }: Draw): Word[][] {
  return [
    ['ONLY', name, 'list'],
    ['RPUSH', name, id, ''],
    ['LTRIM', name, '-6', '-1'],
  ];
}

/** Over 128 members a set is a hashtable, whose DUMP changes by mere reading. */
function set({ random, name, id }: Draw): Word[][] {
  const members = random.chance(0.3) ? Array.from({ length: 150 }, (_, i) => `${id} ${i}`) : [id];
  return [
    ['ONLY', name, 'set'],
    ['SADD', name, ...members],
  ];
}

function zset({ random, name, id }: Draw): Word[][] {
  return [
    ['ONLY', name, 'zset'],
    ['ZADD', name, String(random.below(1000) / 8), id],
  ];
}

function stream({ name, id }: Draw): Word[][] {
  return [
    ['ONLY', name, 'stream'],
    ['XADD', name, '*', 'id', id],
  ];
}

/** 50 ms to 2 s, or an hour. Each ms is a state of its own. */
function expiry({ random, name, nowMs }: Draw): Word[] {
  const inMs = random.chance(0.6) ? 50 + random.below(1_950) : 3_600_000 + random.below(1_000_000);
  return ['PEXPIREAT', name, String(nowMs + inMs)];
}

function renew(draw: Draw): Act {
  return { keys: [draw.name], commands: [expiry(draw)] };
}

function persist({ name }: Draw): Act {
  return { keys: [name], commands: [['PERSIST', name]] };
}

function remove({ random, name }: Draw): Act {
  const commands = random.pick<Word[][]>([
    [['DEL', name]],
    [['UNLINK', name]],
    [['PEXPIREAT', name, '1']],
    [['EXPIRE', name, '-1']],
  ]);
  return { keys: [name], commands };
}

function recreate(draw: Draw): Act {
  const { commands } = write(draw);
  return { keys: [draw.name], commands: [['DEL', draw.name], ...commands] };
}

/** Onto an existing key as often as not. */
function move({ random, name, keys }: Draw): Act {
  const to = random.pick(
    keys.moveTo.filter((one) => one.dataset === name.dataset && one.source !== name.source),
  );
  const command: Word[] = random.chance(0.5) ? ['RENAME', name, to] : ['COPY', name, to, 'REPLACE'];
  return { keys: [name, to], commands: [['EXISTING', name], command] };
}
