// Code over the budgets, by name, with the size it may not pass. The list only shrinks: an entry whose code fits the
// budget again fails the tidy test until it is deleted. A new entry needs a reason that its reviewer believes.

/** Path of a file -> lines it may have (the budget is 500). */
export const longFiles: Readonly<Record<string, number>> = {};

/** `path#name` of a function -> lines it may have (the budget is 70). */
export const longFunctions: Readonly<Record<string, number>> = {};
