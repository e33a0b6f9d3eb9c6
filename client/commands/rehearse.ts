import type { Command } from 'commander';
import type { Desk } from '../desk.ts';

/** What `npm start` runs: a whole migration on embedded servers. Its own options, its own help. */
export function addRehearse(program: Command, desk: Desk): void {
  program
    .command('rehearse', { hidden: true })
    .description('a whole migration on embedded servers, under live traffic')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument('[options...]')
    .action(async (options: string[]) => {
      const { rehearse } = await import('../../rehearsal/main.ts');
      desk.end(await rehearse(options));
    });
}
