/** Shell-like references in plan values: `${NAME}` and `${NAME:-default}`. */
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Fills in every reference. An empty variable counts as not set.
 *
 * @throws UnsetVariable when a variable is not set and has no default
 */
export function interpolate(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(REFERENCE, (_whole, name: string, fallback: string | undefined) => {
    const value = environment[name];
    if (value !== undefined && value !== '') return value;
    if (fallback !== undefined) return fallback;
    throw new UnsetVariable(name);
  });
}

/** A text may hold `${` only as the beginning of a reference. */
export function hasOnlyReferences(text: string): boolean {
  return !text.replace(REFERENCE, '').includes('${');
}

/** Returns the names of the variables that a text refers to, in order. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(REFERENCE)].map(([, name = '']) => name);
}

/** Returns the variable names in a reference, for a sentence that says what to correct. */
export function variablesOf(text: string): string {
  const names = namesIn(text);
  return names.length > 0 ? names.join(', ') : 'the address in the plan';
}

/** Returns the URL behind a store reference. Only a process that connects calls this, so that no password leaves it. */
export function resolveUrl(
  reference: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return interpolate(reference, environment);
}

/**
 * Returns the URLs behind a reference to a cluster: the URL of one node, or those of several nodes with commas between.
 * With several, a node that is down does not hide the others.
 */
export function resolveUrls(
  reference: string,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return splitUrls(resolveUrl(reference, environment));
}

/**
 * Splits at the commas between URLs. A password may contain a comma, so a comma counts only when a `redis://` or
 * `rediss://` scheme follows it.
 */
export function splitUrls(text: string): readonly string[] {
  return text.split(/\s*,\s*(?=rediss?:\/\/)/);
}

export class UnsetVariable extends Error {
  override readonly name = 'UnsetVariable';
  readonly variable: string;
  constructor(variable: string) {
    super(`environment variable ${variable} is not set`);
    this.variable = variable;
  }
}
