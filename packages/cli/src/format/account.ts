import type colors from "picocolors";

/** Functions that colour a text, or leave it as it is. */
export type Colors = ReturnType<typeof colors.createColors>;

/** What happened, in a word and in more words. All text in it is safe for a terminal. */
export interface Account {
  readonly what: string;
  readonly more: string;
}
