// An ESLint rule for the directions of imports between packages and folders. Tables contain the allowed directions. A
// forbidden import fails, and the message gives the reason from its row. ESLint's no-restricted-imports does not
// suffice, because it compares only the text of the specifier. Also, a later configuration of it replaces all earlier
// ones without a message.
import path from 'node:path';
import type { Linter, Rule } from 'eslint';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * The target of an import: a package of this repository (with the file, if known), a module of Node, or another module.
 */
interface Target {
  readonly kind: 'ours' | 'node' | 'other';
  readonly packageName?: string;
  readonly file?: string;
}

interface PackageRow {
  readonly may: readonly string[];
  readonly lazily?: readonly string[];
  readonly because: string;
}

const packages: Readonly<Record<string, PackageRow>> = {
  core: { may: [], because: 'core is what crosses the wire plus pure rules; it stands on nothing of ours' },
  blobs: { may: ['core'], because: 'blob storage is used by server and uploader alike, so it knows neither' },
  client: { may: ['core'], because: 'a worker machine installs the client without any server code' },
  server: { may: ['core', 'blobs'], because: 'the server serves clients; it does not depend on one' },
  cli: {
    may: ['core', 'client'],
    lazily: ['server', 'conformance'],
    because:
      'the command starts fast and works where no server is installed: use `await import()` in the command itself',
  },
  web: { may: ['core', 'client'], because: 'the page sees exactly what any API client sees' },
  conformance: { may: ['core', 'client'], because: 'conformance is black-box: it runs against any base URL' },
};

/** Folders that may import more packages than the rest of their package. */
const exceptions = [{ folder: 'packages/client/src/uploader/', may: ['core', 'blobs'] }] as const;

const browserSafe = ['packages/core/src/', 'packages/client/src/', 'packages/web/src/'];
const nodeAllowed = ['packages/client/src/worker/', 'packages/client/src/uploader/', 'packages/client/src/masking/'];

/** Layers of the server, lowest first. `may` lists the layers that each layer may import. */
const layers: Readonly<Record<string, { readonly may: readonly string[]; readonly because: string }>> = {
  kernel: { may: ['kernel'], because: 'the kernel is the lowest layer: everything may import it' },
  config: { may: ['kernel', 'config'], because: 'configuration is parsed before anything else exists' },
  feature: {
    may: ['kernel', 'feature'],
    because: 'a feature holds rules and its own seam; engines, transports and wiring come to it through compose/',
  },
  stores: {
    may: ['kernel', 'feature', 'stores'],
    because: 'stores implement the seams of features, nothing above them',
  },
  calls: { may: ['kernel', 'calls'], because: 'a call is what every door makes of a request: it knows none of them' },
  http: {
    may: ['kernel', 'feature', 'calls', 'http'],
    because: 'a route decodes, calls one method of a feature, encodes',
  },
  mcp: {
    may: ['kernel', 'feature', 'calls', 'mcp'],
    because: 'a tool decodes, calls the handler of its row, encodes',
  },
  maintenance: {
    may: ['kernel', 'config', 'feature', 'stores', 'maintenance'],
    because: 'maintenance works on the stores while no server is constructed',
  },
  compose: {
    may: ['kernel', 'config', 'feature', 'stores', 'calls', 'http', 'mcp', 'maintenance', 'compose'],
    because: 'compose constructs the server and does not run it',
  },
};

/** Features that every feature may import. */
const leaves = ['users', 'audit', 'secrets'];
/**
 * The other features that each feature may import. Features without a row, such as `exports` and `retention`, may
 * import all.
 */
const featureArrows: Readonly<Record<string, readonly string[]>> = {
  users: [],
  audit: [],
  secrets: [],
  oidc: [],
  workers: [],
  manifests: [],
  files: [],
  artifacts: ['files', 'jobs'],
  jobs: ['workers', 'manifests'],
  tasks: ['jobs', 'workers', 'manifests', 'artifacts', 'files'],
};

/** Folders of `stores/sql`. A file in the folder `room` must not import from the folders in `not`. */
const sqlRooms = [
  {
    room: 'engine',
    not: ['queue', 'records', 'dialects', 'migrations'],
    because: 'the engine runs any verb: queue and records stand on it',
  },
  { room: 'migrations', not: ['queue', 'records', 'dialects'], because: 'a migration must not change with later code' },
  { room: 'queue', not: ['dialects'], because: 'a verb is written once and is given its dialect' },
  { room: 'records', not: ['dialects'], because: 'a verb is written once and is given its dialect' },
] as const;

function targetOf(specifier: string, importer: string): Target {
  if (specifier.startsWith('node:')) return { kind: 'node' };
  if (specifier.startsWith('.')) {
    const file = path.posix.join(path.posix.dirname(importer), specifier);
    const packageName = /^packages\/([^/]+)\//.exec(file)?.[1];
    return packageName === undefined ? { kind: 'other', file } : { kind: 'ours', packageName, file };
  }
  const packageName = /^@proofhouse\/([^/]+)/.exec(specifier)?.[1];
  return packageName === undefined ? { kind: 'other' } : { kind: 'ours', packageName };
}

/** Returns the reason why an import is forbidden, or undefined for an allowed import. */
export function objection(specifier: string, importer: string, lazy: boolean): string | undefined {
  const home = /^packages\/([^/]+)\/src\//.exec(importer)?.[1];
  if (home === undefined) return undefined;
  const target = targetOf(specifier, importer);
  if (target.kind === 'node') return nodeObjection(importer);
  if (target.kind !== 'ours') return undefined;
  if (target.packageName !== home) return packageObjection(home, importer, target, lazy);
  if (home === 'server' && target.file !== undefined) return serverObjection(importer, target.file);
  return undefined;
}

function nodeObjection(importer: string): string | undefined {
  if (!isUnder(importer, browserSafe) || isUnder(importer, nodeAllowed)) return undefined;
  return `${folderName(importer)} runs in a browser, where Node's modules do not exist.`;
}

function packageObjection(home: string, importer: string, target: Target, lazy: boolean): string | undefined {
  const row = packages[home];
  const wanted = target.packageName ?? '';
  if (row === undefined) return undefined;
  if (target.file !== undefined) return `reach another package by its name, @proofhouse/${wanted}, not by its files.`;
  const may = exceptions.find((exception) => importer.startsWith(exception.folder))?.may ?? row.may;
  if (may.includes(wanted) || (lazy && (row.lazily ?? []).includes(wanted))) return undefined;
  return `${home} may not import ${wanted}: ${row.because}.`;
}

function serverObjection(importer: string, file: string): string | undefined {
  const [from, fromFolder] = layerOf(importer);
  const [to, toFolder] = layerOf(file);
  const row = layers[from];
  if (row === undefined) return undefined;
  if (!row.may.includes(to)) return `${fromFolder} may not import ${toFolder}: ${row.because}.`;
  if (from === 'feature' && fromFolder !== toFolder && to === 'feature')
    return featureObjection(fromFolder, toFolder, file);
  return roomObjection(importer, file);
}

function roomObjection(importer: string, file: string): string | undefined {
  const [from, to] = [roomOf(importer), roomOf(file)];
  const row = sqlRooms.find(({ room, not }) => room === from && not.some((each) => each === to));
  return row && `stores/sql/${row.room} may not import stores/sql/${to ?? ''}: ${row.because}.`;
}

function roomOf(file: string): string | undefined {
  return /^packages\/server\/src\/stores\/sql\/([^/]+)\//.exec(file)?.[1];
}

function featureObjection(from: string, to: string, file: string): string | undefined {
  if (file.endsWith('-store.ts')) {
    return `${from} uses ${to} through its concrete type, not through the store behind it: limits and rules live in the type.`;
  }
  const arrows = featureArrows[from];
  if (arrows === undefined || leaves.includes(to) || arrows.includes(to)) return undefined;
  const known = [...arrows, ...leaves].join(', ');
  return `${from} may not use ${to}: arrows among features make no cycle (${from} may use ${known}).`;
}

/**
 * Returns the layer of a server file, and the name of its folder for the message. A folder that is not in `layers` is a
 * feature. A file in the root folder or in `testing` may import anything.
 */
function layerOf(file: string): readonly [layer: string, folder: string] {
  const inside = file.replace(/^packages\/server\/src\//, '');
  const folder = inside.split('/')[0] ?? inside;
  if (!inside.includes('/')) return ['top', folder];
  if (folder === 'testing') return ['top', folder];
  return [folder in layers && folder !== 'feature' ? folder : 'feature', folder];
}

function isUnder(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => file.startsWith(folder));
}

function folderName(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

const rule: Rule.RuleModule = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const importer = path.relative(root, context.filename).split(path.sep).join('/');
    const check = (node: Rule.Node, source: { readonly value?: unknown } | null | undefined, lazy: boolean): void => {
      if (typeof source?.value !== 'string') return;
      const message = objection(source.value, importer, lazy);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source, false),
      ExportNamedDeclaration: (node) => check(node, node.source, false),
      ExportAllDeclaration: (node) => check(node, node.source, false),
      ImportExpression: (node) => check(node, 'value' in node.source ? node.source : undefined, true),
      TSImportType: (node: Rule.Node & { readonly source?: { readonly value?: unknown } }) =>
        check(node, node.source, true),
    };
  },
};

export const directionRules: Linter.Config[] = [
  {
    files: ['packages/*/src/**/*.ts', 'packages/*/src/**/*.tsx'],
    ignores: ['**/*.test.ts', '**/*.contract.ts', '**/testing/**'],
    plugins: { proofhouse: { rules: { 'import-direction': rule } } },
    rules: { 'proofhouse/import-direction': 'error' },
  },
];
