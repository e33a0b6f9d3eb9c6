/**
 * The tokens of a rule line of ACL LIST, `user <name> on #… ~* &* +@all (+get ~x)`, without `user <name>`. A
 * selector in parentheses is one token, though it holds spaces.
 */
export function ruleTokens(line: string): readonly string[] {
  return (line.match(/\([^)]*\)|\S+/g) ?? []).slice(2);
}

/**
 * What puts the rights of a rule line back on its user, and nothing else: flags, passwords and keys are not what a
 * fence changes, and `reset` would leave a flag in the list that was not there before.
 */
export function rightsOf(line: string): readonly string[] {
  const tokens = ruleTokens(line);
  const commands = tokens.filter((token) => /^[+-]/.test(token));
  return ['-@all', ...commands, 'clearselectors', ...tokens.filter((token) => token.startsWith('('))];
}

/** The line of one user in the reply of ACL LIST; `null` = there is no such user. */
export function ruleLineOf(lines: readonly string[], user: string): string | null {
  return lines.find((line) => line.split(' ')[1] === user) ?? null;
}
