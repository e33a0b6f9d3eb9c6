import type { Dashboard } from './panel.ts';
import { VERIFICATION_ROW, WAY_BACK_ROW } from './proof-rows.ts';
import { PROGRESS_ROW, STANDING_ROW } from './standing-rows.ts';
import { LINKS_ROW, SYNC_ROW } from './sync-rows.ts';

/** Dashboard of the progress: the phases, the comparison of both sides, and the way back. */
export const MIGRATION_PROGRESS: Dashboard = {
  uid: 'jday-migration-progress',
  title: 'migration_progress',
  about: 'How far the migration has come, whether both sides are equal, and what going back would mean.',
  rows: [PROGRESS_ROW, STANDING_ROW, SYNC_ROW, LINKS_ROW, VERIFICATION_ROW, WAY_BACK_ROW],
};
