/**
 * Variables that a program needs to run at all: where programs, libraries and folders are, language, time zone. Names
 * that begin with `JDAY_` are settings of our own, and none of them is a secret.
 */
const PLAIN = /^(?:PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_\w+|JDAY_\w+)$/;

/**
 * Returns the environment of a child process. Our own environment holds the passwords of the stores and of Temporal, and
 * every process of the same user could read them in the environment of a child.
 */
export function plainEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => PLAIN.test(name)));
}
