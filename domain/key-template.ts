import { toByteString } from './byte-string.ts';
import { escapeGlob, STAR, tokensOf, type Token } from './glob-tokens.ts';
import type { Dataset } from './plan.ts';
import type { Side } from './side.ts';

/** A key name around one variable part, as byte strings: `metrics:v1:*` is before `metrics:v1:`, after ``. */
export type Template = { readonly before: string; readonly after: string };

const SAME_NAME: Template = { before: '', after: '' };

/** Reads a template of the plan; null unless it has exactly one `*`, without which it has no inverse. */
export function parseTemplate(text: string): Template | null {
  const [before, after, ...more] = toByteString(text).split('*');
  return before === undefined || after === undefined || more.length > 0 ? null : { before, after };
}

/** The dataset's templates on both sides; null when one is not invertible. */
export function templatesOf(dataset: Dataset): Readonly<Record<Side, Template>> | null {
  if (!dataset.rename) return { source: SAME_NAME, target: SAME_NAME };
  const source = parseTemplate(dataset.rename.from);
  const target = parseTemplate(dataset.rename.to);
  return source && target && { source, target };
}

/** The key by its name under another template; null when it does not fit the first. */
export function renameKey(key: string, from: Template, to: Template): string | null {
  const end = key.length - from.after.length;
  const fits = end >= from.before.length && key.startsWith(from.before) && key.endsWith(from.after);
  return fits ? to.before + key.slice(from.before.length, end) + to.after : null;
}

/** The glob of the renamed keys; null when some match of the pattern may not fit the first template. */
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
