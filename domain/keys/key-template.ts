import { escapeGlob, STAR, type Token, tokensOf } from './glob.ts';
import type { Dataset, Side } from '../plan/plan.ts';

/**
 * A key name around one variable part, as byte strings. In `metrics:v1:*` `before` is `metrics:v1:`, and `after` is
 * empty.
 */
type Template = { readonly before: string; readonly after: string };

const SAME_NAME: Template = { before: '', after: '' };

/**
 * Parses a template of the plan. Returns `null` unless it has exactly one `*`, because other templates have no inverse.
 */
function parseTemplate(text: string): Template | null {
  const [before, after, ...more] = toByteString(text).split('*');
  return before === undefined || after === undefined || more.length > 0 ? null : { before, after };
}

/** Returns the dataset's templates on both sides; `null` when one has no inverse. */
export function templatesOf(dataset: Dataset): Readonly<Record<Side, Template>> | null {
  if (!dataset.rename) return { source: SAME_NAME, target: SAME_NAME };
  const source = parseTemplate(dataset.rename.from);
  const target = parseTemplate(dataset.rename.to);
  return source && target && { source, target };
}

/** Returns the key's name under another template; `null` when the key does not fit the first one. */
export function renameKey(key: string, from: Template, to: Template): string | null {
  const end = key.length - from.after.length;
  const fits = end >= from.before.length && key.startsWith(from.before) && key.endsWith(from.after);
  return fits ? to.before + key.slice(from.before.length, end) + to.after : null;
}

/** Returns the glob of the renamed keys; `null` when some match of the pattern may not fit the first template. */
export function renamePattern(pattern: string, from: Template, to: Template): string | null {
  const tokens = tokensOf(pattern);
  const end = tokens.length - from.after.length;
  const fits =
    end >= from.before.length &&
    spells(tokens.slice(0, from.before.length), from.before) &&
    spells(tokens.slice(end), from.after);
  if (!fits) return null;
  const middle = tokens.slice(from.before.length, end).map((token) => (token === STAR ? STAR : token.text));
  return escapeGlob(to.before) + middle.join('') + escapeGlob(to.after);
}

function spells(tokens: readonly Token[], bytes: string): boolean {
  return tokens.every((token, index) => token !== STAR && token.literal === bytes[index]);
}

/**
 * Returns the byte string of a text: one char (0–255) for each byte of its UTF-8 form. Our code holds keys and patterns
 * in this form everywhere. A lone surrogate becomes U+FFFD, as in every UTF-8 encoder.
 *
 * The function uses plain ECMAScript only. It runs in a workflow sandbox, which may have neither Buffer nor
 * TextEncoder.
 */
export function toByteString(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD')).replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
