// The threads of a log that beat a heart in its region, each at its place in this list.

export const THREAD_NAMES = ['writer', 'preparer', 'housekeeping'] as const;
export type ThreadName = (typeof THREAD_NAMES)[number];
