import type { CommandGroup } from '../../command-entry.ts';

/** The commands about users and their tokens. */
export const userCommands: CommandGroup = {
  name: 'user',
  summary: 'People, their roles and their tokens',
  commands: [
    {
      name: 'create',
      arguments: '<name>',
      summary: 'Make a user with a role',
      load: async () => (await import('./user-create.ts')).userCreate,
    },
    {
      name: 'list',
      alias: 'ls',
      summary: 'List users, newest first',
      load: async () => (await import('./user-list.ts')).userList,
    },
    {
      name: 'disable',
      arguments: '<userId>',
      summary: 'Disable a user; its tokens and sessions end at once and for good',
      load: async () => (await import('./user-disable.ts')).userDisable,
    },
    {
      name: 'enable',
      arguments: '<userId>',
      summary: 'Enable a disabled user, who then needs a new token',
      load: async () => (await import('./user-enable.ts')).userEnable,
    },
    {
      name: 'token',
      summary: 'Tokens with which users call the server',
      commands: [
        {
          name: 'create',
          arguments: '[userId]',
          summary: 'Make a token of a user; it is shown once',
          load: async () => (await import('../user-token/user-token-create.ts')).userTokenCreate,
        },
        {
          name: 'list',
          alias: 'ls',
          arguments: '[userId]',
          summary: 'List tokens of a user, newest first, never their secrets',
          load: async () => (await import('../user-token/user-token-list.ts')).userTokenList,
        },
        {
          name: 'revoke',
          arguments: '<tokenId>',
          summary: 'Revoke a token of a user at once and for good',
          load: async () => (await import('../user-token/user-token-revoke.ts')).userTokenRevoke,
        },
      ],
    },
  ],
};
