import type { Side } from '../../../domain/plan/plan.ts';
import type { Seeded } from '../../support/seeded.ts';

/** One atomic act of an app: its commands, and the keys whose states it may change. */
export type Act = { readonly keys: readonly Name[]; readonly commands: readonly (readonly Word[])[] };
export type Word = string | Name;

/** The name of a key on each side, as its dataset maps it. The strings hold bytes. */
export type Name = {
  readonly dataset: 'match' | 'metrics' | 'plain';
  readonly source: string;
  readonly target: string;
};

export const nameOn = (name: Name, side: Side): Buffer => Buffer.from(name[side], 'latin1');

const HOT = ['a', 'b', '\xff\x00\n{*}'];
const COLD = Array.from({ length: 8 }, (_, i) => `cold ${i}`);

/** The keys of one link, of a transformed, a renamed and a plain dataset. Nexten's keys have other names on V2. */
export type Keys = {
  readonly all: readonly Name[];
  /** The keys that apps of both sides may write at any time. */
  readonly shared: readonly Name[];
  readonly hot: readonly Name[];
  readonly moveTo: readonly Name[];
  /** Streams whose groups both sides work on at once. */
  readonly streams: readonly Name[];
  /** Streams whose groups only the serving side works on. */
  readonly jobs: readonly Name[];
};

export function keysOf(link: string): Keys {
  const prefix = link === 'nexten' ? 'nx:' : '';
  const named = (last: string): readonly Name[] => [
    { dataset: 'match', source: `match:${last}`, target: `${prefix}match:${last}` },
    { dataset: 'metrics', source: `metrics:${last}`, target: `metrics:${link}:${last}` },
    { dataset: 'plain', source: `plain:${last}`, target: `${prefix}plain:${last}` },
  ];
  const moveTo = HOT.flatMap(named);
  const [streams, jobs] = [named('stream'), named('jobs')];
  const shared = [...moveTo, ...COLD.flatMap(named), ...streams];
  const hot = moveTo.filter((_name, i) => i % 2 === 0);
  return { all: [...shared, ...jobs], shared, hot, moveTo, streams, jobs };
}

export type Writer = { readonly random: Seeded; readonly side: Side; readonly keys: Keys };
type Draw = Writer & { readonly id: string; readonly name: Name; readonly nowMs: number };

/** Draws the next act of an app. The values that it writes hold `id`, so a state tells which act wrote it. */
export function drawAct(writer: Writer, id: string, nowMs: number): Act {
  const { random, keys } = writer;
  const name = random.chance(0.75) ? random.pick(keys.hot) : random.pick(keys.shared);
  const draw: Draw = { ...writer, id, name, nowMs };
  const kinds = [write, write, write, write, renew, renew, persist, remove, recreate, move, group];
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

/** A document in the form of its side. The elements of the list belong to the partner and keep their names. */
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

/** A set of more than 128 members is a hashtable, and a read alone can change its DUMP. */
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

const GROUPS = ['g', 'h'];
const CONSUMERS = ['one', 'two'];

/** Changes the groups of a stream. Most of these commands cause no event. A key of another type is removed first. */
function group(draw: Draw): Act {
  const { random, keys } = draw;
  const name = random.chance(0.7) ? random.pick(keys.streams) : draw.name;
  const kinds = [...CONSUMING, setGroup, destroyGroup, setStream, endConsumer, trim];
  const worked: Worked = { ...draw, name, group: random.pick(GROUPS), consumer: random.pick(CONSUMERS) };
  return { keys: [name], commands: [['ONLY', name, 'stream'], ...random.pick(kinds)(worked)] };
}

/**
 * Draws the next act of a producer or a worker on the streams of the serving side. An acknowledged job is done for
 * good, so no act resets a group or creates it anew.
 */
export function drawJob({ random, side, keys }: Writer, id: string, nowMs: number): Act {
  const [name, consumer] = [random.pick(keys.jobs), random.pick(CONSUMERS)];
  const worked: Worked = { random, side, keys, id, name, nowMs, group: 'g', consumer };
  return { keys: [name], commands: random.pick(CONSUMING)(worked) };
}

type Worked = Draw & { readonly group: string; readonly consumer: string };
const CONSUMING = [produce, produce, read, read, readAgain, acknowledge, acknowledge, claim, claimByItself];

function produce({ name, group: of, id }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['XADD', name, '*', 'id', id],
  ];
}

function read({ random, name, group: of, consumer }: Worked): Word[][] {
  return [
    ['GROUP', name, of, consumer],
    ['READ', name, of, consumer, String(1 + random.below(3))],
  ];
}

function readAgain({ random, name, group: of, consumer }: Worked): Word[][] {
  return [
    ['GROUP', name, of, consumer],
    ['AGAIN', name, of, consumer, String(1 + random.below(3))],
  ];
}

function acknowledge({ random, name, group: of }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['ACK', name, of, String(1 + random.below(3))],
  ];
}

function claim({ random, name, group: of, consumer }: Worked): Word[][] {
  return [
    ['GROUP', name, of, consumer],
    ['CLAIM', name, of, String(1 + random.below(3)), consumer],
  ];
}

function claimByItself({ name, group: of, consumer }: Worked): Word[][] {
  return [
    ['GROUP', name, of, consumer],
    ['XAUTOCLAIM', name, of, consumer, '0', '0', 'COUNT', '2'],
  ];
}

function setGroup({ random, name, group: of }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['XGROUP', 'SETID', name, of, random.pick(['0', '$'])],
  ];
}

function destroyGroup({ name, group: of }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['XGROUP', 'DESTROY', name, of],
  ];
}

function endConsumer({ name, group: of, consumer }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['XGROUP', 'DELCONSUMER', name, of, consumer],
  ];
}

function setStream({ name, group: of }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['AHEAD', name],
  ];
}

/** This may remove messages that are still pending. */
function trim({ name, group: of }: Worked): Word[][] {
  return [
    ['GROUP', name, of],
    ['XTRIM', name, 'MAXLEN', '2'],
  ];
}

/** An expiry in 50 ms to 2 s, or in more than an hour. Two expiries that differ by 1 ms are two states. */
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

/** Renames or copies a key, often onto an existing one. */
function move({ random, name, keys }: Draw): Act {
  const to = random.pick(
    keys.moveTo.filter((one) => one.dataset === name.dataset && one.source !== name.source),
  );
  const command: Word[] = random.chance(0.5) ? ['RENAME', name, to] : ['COPY', name, to, 'REPLACE'];
  return { keys: [name, to], commands: [['EXISTING', name], command] };
}
