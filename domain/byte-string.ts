/**
 * The byte string of a text: one char (0–255) for each byte of its UTF-8 form, as keys and patterns are held
 * everywhere in our code. A lone surrogate becomes U+FFFD, as in every UTF-8 encoder.
 *
 * Made of plain ECMAScript: it runs in a workflow sandbox, where neither Buffer nor TextEncoder can be relied on.
 */
export function toByteString(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD')).replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
