/** The times of each leader that is drilled, in milliseconds. */
export const times = { duration: 3_000, renewDeadline: 2_000, retryPeriod: 500 };
