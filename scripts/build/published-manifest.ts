// Converts the package.json of a workspace to the one that is published. The entries of a workspace are TypeScript
// sources.

export interface PackageManifest {
  readonly name: string;
  readonly type: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface PublishedManifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export function publishedManifest(manifest: PackageManifest): PublishedManifest {
  const { devDependencies: _development, scripts: _scripts, private: _private, bin, exports, ...kept } = manifest;
  const commands = Object.entries(bin ?? {}).map(([name, file]) => [
    name,
    isPlain(file) ? file : compiled(file, '.js'),
  ]);
  return {
    ...kept,
    engines: { node: '>=22.18' },
    files: Object.values(bin ?? {}).some(isPlain) ? ['dist', 'bin'] : ['dist'],
    exports: Object.fromEntries(
      Object.entries(exports).map(([entry, file]) => [
        entry,
        { types: compiled(file, '.d.ts'), default: compiled(file, '.js') },
      ]),
    ),
    ...(commands.length === 0 ? {} : { bin: Object.fromEntries(commands) as Record<string, string> }),
  };
}

/**
 * Returns true if a command is a plain JavaScript file in bin/. Such a file is copied. In the copy, only the path of
 * the source that it starts is changed.
 */
export function isPlain(file: string): boolean {
  return /^\.\/bin\/[\w-]+\.js$/.test(file);
}

function compiled(file: string, extension: string): string {
  if (!/^\.\/src\/.*\.tsx?$/.test(file)) throw new Error(`${file}: an entry must be a TypeScript file under ./src/`);
  return file.replace(/^\.\/src\//, './dist/').replace(/\.tsx?$/, extension);
}
