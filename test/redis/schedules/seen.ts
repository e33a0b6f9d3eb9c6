import type { Redis } from 'ioredis';

/** What an app saw at a key: content and absolute expiry. Written apart from the engine on purpose: the oracle owes it nothing. */
export type Seen = { readonly content: string /** ms; -1 = none. */; readonly expireAt: number };

export const NOTHING: Seen = { content: '', expireAt: -1 };

/** Lua that reads a key whole, of whatever type; stands before the scripts of the apps. */
export const OBSERVE = `
local function observe(key)
  local kind = redis.call('TYPE', key).ok
  local value = {}
  if kind == 'string' then value = { redis.call('GET', key) }
  elseif kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'stream' then value = redis.call('XRANGE', key, '-', '+') end
  return { kind, string.format('%.0f', redis.call('PEXPIRETIME', key)), value }
end
`;

type Nested = Buffer | readonly Nested[];

/** `[type, expiry, value]` as the script gives it. A set and a hash have no order. */
export function seenOf([kind, expireAt, value]: readonly Nested[]): Seen {
  const type = String(kind);
  if (type === 'none') return NOTHING;
  const texts = (value as readonly Nested[]).map(textOf);
  const items = type === 'hash' ? pairs(texts).sort() : type === 'set' ? texts.sort() : texts;
  return { content: `${type} ${items.join('\u0001')}`, expireAt: Number(String(expireAt)) };
}

function textOf(value: Nested): string {
  return value instanceof Buffer
    ? value.toString('latin1')
    : `(${(value as readonly Nested[]).map(textOf).join(' ')})`;
}

function pairs(texts: readonly string[]): string[] {
  return texts.flatMap((text, at) => (at % 2 === 0 ? [`${text}=${texts[at + 1] ?? ''}`] : []));
}

const LOOK = `${OBSERVE}
local out = {}
for i = 1, #KEYS do out[i] = observe(KEYS[i]) end
return out`;

export async function lookAt(redis: Redis, names: readonly Buffer[]): Promise<readonly Seen[]> {
  if (names.length === 0) return [];
  const seen = (await redis.callBuffer('EVAL_RO', [LOOK, String(names.length), ...names])) as Nested[][];
  return seen.map(seenOf);
}

/** Documents of the schedules in V2 form: only the names that the documents below use, to the letter. */
export function upForm(seen: Seen): Seen {
  if (!/^string \{|^hash /.test(seen.content)) return seen;
  const content = seen.content
    .replace(/"(?:offers|offres|job_data)":/g, '"jobs":')
    .replace(/"offer_id":/g, '"job_id":')
    .replace(/(^hash |\u0001)(?:offers|offres|job_data)=/g, '$1jobs=');
  const [type, rest = ''] = [content.slice(0, content.indexOf(' ')), content.slice(content.indexOf(' ') + 1)];
  if (type !== 'hash') return { ...seen, content };
  return { ...seen, content: `hash ${rest.split('\u0001').sort().join('\u0001')}` };
}
