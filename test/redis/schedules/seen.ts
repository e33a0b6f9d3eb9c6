import type { Redis } from 'ioredis';

/**
 * What an app saw at a key: its content and its absolute expiry in ms (-1 = none). This file shares no code with the
 * engine. Otherwise the oracle could repeat an error of the engine and not find it.
 */
export type Seen = { readonly content: string; readonly expireAt: number };

export const NOTHING: Seen = { content: '', expireAt: -1 };

/**
 * Lua that reads a whole key of any type; the scripts of the apps begin with it. Of a stream it also reads the ids and
 * counters, the groups with their consumers, and the pending messages with consumer and number of deliveries. It reads
 * no idle times, because they change by themselves.
 */
export const OBSERVE = `
local function field_of(flat, name)
  for i = 1, #flat, 2 do
    if flat[i] == name then return tostring(flat[i + 1] or 'unknown') end
  end
end
local function has_group(key, name)
  if redis.call('TYPE', key).ok ~= 'stream' then return false end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    if field_of(group, 'name') == name then return true end
  end
  return false
end
local function observe_groups(key, value)
  local function say(...) value[#value + 1] = table.concat({ ... }, ' ') end
  local stream = redis.call('XINFO', 'STREAM', key)
  for _, what in ipairs({ 'last-generated-id', 'max-deleted-entry-id', 'entries-added' }) do
    say(what, field_of(stream, what))
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local name = field_of(group, 'name')
    say('group', name, field_of(group, 'last-delivered-id'), field_of(group, 'entries-read'))
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', key, name)) do
      say('consumer', name, field_of(consumer, 'name'))
    end
    for _, one in ipairs(redis.call('XPENDING', key, name, '-', '+', 10000)) do
      say('pending', name, one[1], one[2], one[4])
    end
  end
end
local function observe(key)
  local kind = redis.call('TYPE', key).ok
  local value = {}
  if kind == 'string' then value = { redis.call('GET', key) }
  elseif kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'stream' then
    value = redis.call('XRANGE', key, '-', '+')
    observe_groups(key, value)
  end
  return { kind, string.format('%.0f', redis.call('PEXPIRETIME', key)), value }
end
`;

type Nested = Buffer | readonly Nested[];

/** Reads `[type, expiry, value]`, as the script gives it. Sets and hashes have no order, so this sorts them. */
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

/** The pending messages of a stream, each as one text of its group and its id. */
export function pendingIn({ content }: Seen): ReadonlySet<string> {
  const found = content.matchAll(/(?:^|\u0001)(?:stream )?pending (\S+ \d+-\d+) /g);
  return new Set([...found].map(([, message = '']) => message));
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

/** The state in V2 form. This knows only the names that the documents in `writes.ts` use. */
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
