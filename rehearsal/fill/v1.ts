import type { AppEntry } from '../entry.ts';
import { type Base, DAY, HOUR, md5, SECOND, appSpellingOf } from './base.ts';
import {
  candidateDocument,
  candidateText,
  compressed,
  jobList,
  matchText,
  pickle,
  resultText,
} from './texts.ts';
import { type Random, randomOf } from './random.ts';

/** V1's match cache: mostly JSON, some pickles and zlib blobs. Two keys in a hundred expire during the rehearsal. */
export function match(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'match', index);
  const kind = index % 10;
  const opaque = kind === 4 ? pickle(random, 150) : kind === 9 ? compressed(random) : null;
  const lifeMs = index % 50 === 7 ? 10 * SECOND + random.below(50 * SECOND) : HOUR + random.below(HOUR);
  return {
    home: 'v1',
    // A few key names are not text.
    key:
      index % 97 === 3 ? `match:\x00\xff${md5(base, 'match', index)}` : `match:${md5(base, 'match', index)}`,
    spelling: appSpellingOf(index),
    value: { type: 'string', content: opaque ?? matchText(random, `job-${index}`, 0) },
    expiresAt: base.now + lifeMs,
  };
}

/** Every fourth candidate expires; the others never do. */
export function candidate(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'candidate', index);
  return {
    home: 'v1',
    key: `candidate:${10_000 + index}`,
    spelling: appSpellingOf(index),
    value: { type: 'string', content: candidateDocument(random, `job-${index}`, 0) },
    expiresAt: index % 4 === 3 ? base.now + DAY + random.below(DAY) : null,
  };
}

/** Login sessions: hashes with the legacy job list, a JSON result and a binary field. */
export function session(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'session', index);
  return {
    home: 'v1',
    key: `session:${md5(base, 'session', index)}`,
    spelling: appSpellingOf(index),
    value: { type: 'hash', fields: sessionFields(random, index, 0, base.now) },
    expiresAt: base.now + 2 * HOUR + random.below(22 * HOUR),
  };
}

export function sessionFields(random: Random, index: number, seq: number, nowMs: number) {
  return [
    ['user_id', String(5_000 + index)],
    ['candidate', candidateText(random)],
    ['{{jobs}}', jobList(random, `job-${index}`)],
    ['last_result', resultText(random, `job-${index}`, seq)],
    ['algorithm', 'smart-match'],
    ['created_at', String(nowMs)],
    ['last_activity', String(nowMs)],
    ['profile', compressed(random)],
    ['seq', String(seq)],
  ] as const;
}

/** Feedback of six months, and statistics of users. */
export function feedback(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'feedback', index);
  const name = index % 3 === 2 ? `user_stats:${index}` : `user_feedback:${index}:${random.below(9_999)}`;
  const content = `{"rating":${random.below(5)}.0,"comment":"très bien 👍","at":${base.now}}`;
  return {
    home: 'v1',
    key: name,
    spelling: 'legacy',
    value: { type: 'string', content },
    expiresAt: base.now + 180 * DAY - random.below(DAY),
  };
}
