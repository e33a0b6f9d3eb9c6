/** Shell-like references in plan values: `${NAME}` and `${NAME:-default}`. */
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Fills in every reference. A name that is not set and has no default throws `UnsetVariable`. */
export function interpolate(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(REFERENCE, (_whole, name: string, fallback: string | undefined) => {
    const value = environment[name];
    if (value !== undefined && value !== '') return value;
    if (fallback !== undefined) return fallback;
    throw new UnsetVariable(name);
  });
}

/** The URL that a store reference stands for; only a process that connects calls this (L12). */
export function resolveUrl(
  reference: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return interpolate(reference, environment);
}

/**
 * The URLs behind a reference to a cluster, of one node or of several with commas between: one that is down must not
 * hide the others.
 */
export function resolveUrls(
  reference: string,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return splitUrls(resolveUrl(reference, environment));
}

/** A comma may stand in a password; what follows one between two URLs is a scheme. */
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
