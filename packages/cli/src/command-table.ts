import type { CommandEntry, CommandGroup } from './command-entry.ts';
import { userCommands } from './commands/user/user-commands.ts';

/** All commands, in the order of the help. */
export const commandTable: readonly (CommandEntry | CommandGroup)[] = [
  {
    name: 'serve',
    summary: 'Run a server: SQLite and files below ./var unless told otherwise',
    load: async () => (await import('./commands/server/serve.ts')).serve,
  },
  {
    name: 'doctor',
    summary: 'Look whether a server could start and keep what it is given',
    load: async () => (await import('./commands/server/doctor.ts')).doctor,
  },
  {
    name: 'work',
    arguments: '[command...]',
    summary: 'Claim jobs and run a command for each',
    load: async () => (await import('./commands/worker/work.ts')).work,
  },
  {
    name: 'mcp',
    summary: 'Offer the queue and its artifacts as MCP tools on standard input and output',
    load: async () => (await import('./commands/mcp/mcp.ts')).mcp,
  },
  {
    name: 'whoami',
    summary: 'Whose the token is: a user with its role, a worker, or the admin',
    load: async () => (await import('./commands/server/whoami.ts')).whoami,
  },
  {
    name: 'login',
    summary: 'Keep a server and a token for later commands (a profile)',
    load: async () => (await import('./commands/profile/login.ts')).login,
  },
  {
    name: 'logout',
    summary: 'Remove a profile with its token from this machine',
    load: async () => (await import('./commands/profile/logout.ts')).logout,
  },
  {
    name: 'profile',
    summary: 'Servers and tokens that are kept on this machine',
    commands: [
      {
        name: 'list',
        alias: 'ls',
        summary: 'List profiles, never their tokens',
        load: async () => (await import('./commands/profile/profile-list.ts')).profileList,
      },
      {
        name: 'use',
        arguments: '<name>',
        summary: 'Choose the profile that commands use',
        load: async () => (await import('./commands/profile/profile-use.ts')).profileUse,
      },
    ],
  },
  {
    name: 'sign-in-link',
    summary: 'Make a link that signs a browser in to the page as you, once',
    load: async () => (await import('./commands/server/sign-in-link.ts')).signInLink,
  },
  {
    name: 'job',
    summary: 'Queued work',
    commands: [
      {
        name: 'create',
        summary: 'Put a job into the queue',
        load: async () => (await import('./commands/job/job-create.ts')).jobCreate,
      },
      {
        name: 'list',
        alias: 'ls',
        summary: 'List jobs, newest first',
        load: async () => (await import('./commands/job/job-list.ts')).jobList,
      },
      {
        name: 'get',
        arguments: '<jobId>',
        summary: 'Show a job',
        load: async () => (await import('./commands/job/job-get.ts')).jobGet,
      },
      {
        name: 'logs',
        arguments: '<jobId>',
        summary: 'Show what happened to a job, oldest first',
        load: async () => (await import('./commands/job/job-logs.ts')).jobLogs,
      },
      {
        name: 'wait',
        arguments: '<jobId...>',
        summary: 'Wait until jobs have ended, and exit by how they did',
        load: async () => (await import('./commands/job/job-wait.ts')).jobWait,
      },
      {
        name: 'why',
        arguments: '<jobId>',
        summary: 'Say why a job waits, and which workers nearly match',
        load: async () => (await import('./commands/job/job-why.ts')).jobWhy,
      },
      {
        name: 'cancel',
        arguments: '<jobId>',
        summary: 'Cancel a queued job, or ask the worker of a running one to stop',
        load: async () => (await import('./commands/job/job-cancel.ts')).jobCancel,
      },
      {
        name: 'retry',
        arguments: '<jobId>',
        summary: 'Put a failed or dead-lettered job back into the queue',
        load: async () => (await import('./commands/job/job-retry.ts')).jobRetry,
      },
    ],
  },
  {
    name: 'artifact',
    summary: 'What jobs produced, and what workers hand each other',
    commands: [
      {
        name: 'push',
        alias: 'upload',
        arguments: '<jobId> <file...>',
        summary: 'Upload files as artifacts of a job',
        load: async () => (await import('./commands/artifact/artifact-push.ts')).artifactPush,
      },
      {
        name: 'list',
        alias: 'ls',
        arguments: '<jobId>',
        summary: 'List the artifacts of a job, every version, newest first',
        load: async () => (await import('./commands/artifact/artifact-list.ts')).artifactList,
      },
      {
        name: 'pull',
        alias: 'download',
        arguments: '<jobId> [artifactId]',
        summary: 'Download an artifact and verify its digest',
        load: async () => (await import('./commands/artifact/artifact-pull.ts')).artifactPull,
      },
      {
        name: 'deposit',
        arguments: '<file>',
        summary: 'Hand a file over and print the URI to fetch it by, and nothing else',
        load: async () => (await import('./commands/artifact/artifact-deposit.ts')).artifactDeposit,
      },
      {
        name: 'fetch',
        arguments: '<uri>',
        summary: 'Fetch a deposit by its URI and verify its digest',
        load: async () => (await import('./commands/artifact/artifact-fetch.ts')).artifactFetch,
      },
      {
        name: 'grant',
        arguments: '<uri> <reader>',
        summary: 'Let a worker or a group fetch a deposit; for its depositor and the admin',
        load: async () => (await import('./commands/artifact/artifact-grant.ts')).artifactGrant,
      },
    ],
  },
  {
    name: 'mask',
    summary: 'Keep secrets out of logs and files',
    commands: [
      {
        name: 'filter',
        summary: 'Copy standard input to standard output with secrets masked',
        load: async () => (await import('./commands/mask/mask-filter.ts')).maskFilter,
      },
      {
        name: 'add',
        summary: 'Add a value that the worker masks in what this job deposits',
        load: async () => (await import('./commands/mask/mask-add.ts')).maskAdd,
      },
    ],
  },
  {
    name: 'worker',
    summary: 'Workers and their tokens',
    commands: [
      {
        name: 'list',
        alias: 'ls',
        summary: 'List the workers seen in the last ten minutes, or those registered in an experiment',
        load: async () => (await import('./commands/worker/worker-list.ts')).workerList,
      },
      {
        name: 'register',
        summary: 'Register a worker in an experiment; its token is shown once',
        load: async () => (await import('./commands/worker/worker-register.ts')).workerRegister,
      },
      {
        name: 'reissue',
        arguments: '<workerId>',
        summary: 'Give a registered worker a new token; the old one is refused from then on',
        load: async () => (await import('./commands/worker/worker-reissue.ts')).workerReissue,
      },
      {
        name: 'token',
        summary: 'Tokens with which workers call the server',
        commands: [
          {
            name: 'create',
            arguments: '<workerId>',
            summary: 'Make a token for a worker; it is shown once',
            load: async () => (await import('./commands/worker-token/worker-token-create.ts')).workerTokenCreate,
          },
          {
            name: 'list',
            alias: 'ls',
            summary: 'List worker tokens, newest first, never their secrets',
            load: async () => (await import('./commands/worker-token/worker-token-list.ts')).workerTokenList,
          },
          {
            name: 'revoke',
            arguments: '<tokenId>',
            summary: 'Revoke a worker token at once and for good',
            load: async () => (await import('./commands/worker-token/worker-token-revoke.ts')).workerTokenRevoke,
          },
        ],
      },
    ],
  },
  userCommands,
  {
    name: 'experiment',
    summary: 'Workers, groups and deposits that belong together',
    commands: [
      {
        name: 'create',
        summary: 'Make an experiment: workers, groups and deposits that belong together',
        load: async () => (await import('./commands/experiment/experiment-create.ts')).experimentCreate,
      },
      {
        name: 'list',
        alias: 'ls',
        summary: 'List experiments, newest first',
        load: async () => (await import('./commands/experiment/experiment-list.ts')).experimentList,
      },
    ],
  },
  {
    name: 'group',
    summary: 'Groups of workers in an experiment',
    commands: [
      {
        name: 'create',
        summary: 'Make a group of workers and other groups',
        load: async () => (await import('./commands/group/group-create.ts')).groupCreate,
      },
      {
        name: 'list',
        alias: 'ls',
        summary: 'List the groups of an experiment, oldest first',
        load: async () => (await import('./commands/group/group-list.ts')).groupList,
      },
      {
        name: 'add',
        arguments: '<groupId> <memberId>',
        summary: 'Add a worker or a group to a group; adding it again changes nothing',
        load: async () => (await import('./commands/group/group-add.ts')).groupAdd,
      },
      {
        name: 'remove',
        arguments: '<groupId> <memberId>',
        summary: 'Take a member out of a group, with effect at once',
        load: async () => (await import('./commands/group/group-remove.ts')).groupRemove,
      },
      {
        name: 'delete',
        arguments: '<groupId>',
        summary: 'Delete a group; what was granted to it is granted to nobody from then on',
        load: async () => (await import('./commands/group/group-delete.ts')).groupDelete,
      },
    ],
  },
  {
    name: 'storage',
    summary: 'Care of what is stored',
    commands: [
      {
        name: 'usage',
        summary: 'Say how much is stored, by artifact type, and what the quota is',
        load: async () => (await import('./commands/storage/storage-usage.ts')).storageUsage,
      },
      {
        name: 'adopt',
        summary: 'Make the blobs that are there belong to the database that is there',
        load: async () => (await import('./commands/storage/storage-adopt.ts')).storageAdopt,
      },
      {
        name: 'gc',
        summary: 'Remove stored bytes that are no longer wanted',
        load: async () => (await import('./commands/storage/storage-gc.ts')).storageGc,
      },
      {
        name: 'verify',
        summary: 'Look whether everything stored is whole',
        load: async () => (await import('./commands/storage/storage-verify.ts')).storageVerify,
      },
    ],
  },
  {
    name: 'backup',
    summary: 'Copies of everything that is stored',
    commands: [
      {
        name: 'create',
        arguments: '<folder>',
        summary: 'Back the store up to a folder',
        load: async () => (await import('./commands/backup/backup-create.ts')).backupCreate,
      },
      {
        name: 'restore',
        arguments: '<folder>',
        summary: 'Put a backup in the place of the store',
        load: async () => (await import('./commands/backup/backup-restore.ts')).backupRestore,
      },
    ],
  },
];
