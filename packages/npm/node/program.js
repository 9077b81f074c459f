// Where the program is: in the package of this platform, which npm installs beside this one as an optional dependency.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** What goes wrong here: `code` says what for programs, `message` for people. */
export class VitrineError extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'VitrineError';
    this.code = code;
    this.details = details;
  }
}

/** The packages that hold a program, as this package's own description lists them. */
const packages = () =>
  Object.keys(JSON.parse(readFileSync(require.resolve('../package.json'), 'utf8')).optionalDependencies ?? {});

/** A C library other than glibc, for which no program is made, has no version of it to tell. */
const libc = () =>
  process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime ? ' without glibc' : '';

/**
 * The program's path. `VITRINE_PROGRAM` names another one, such as one that was built for a platform without a package.
 */
export function found(env = process.env) {
  if (env.VITRINE_PROGRAM) return env.VITRINE_PROGRAM;
  const name = `vitrine-${process.platform}-${process.arch}`;
  const known = packages();
  const here = `${process.platform}-${process.arch}${libc()}`;
  const built = 'build the program from its sources and name it in VITRINE_PROGRAM';
  if (!known.includes(name) || libc())
    throw new VitrineError(
      'platform',
      `finding the program: expected one of ${known.map((one) => one.slice('vitrine-'.length)).join(', ')}, got ${here}; ${built}`,
    );
  try {
    const folder = path.dirname(require.resolve(`${name}/package.json`));
    return path.join(folder, process.platform === 'win32' ? 'vitrine.exe' : 'vitrine');
  } catch {
    throw new VitrineError(
      'platform',
      `finding the program: expected the package ${name} beside vitrine, got none; install again without ` +
        `--omit=optional (a lock file of another platform may leave it out: delete node_modules and the lock file first), or ${built}`,
    );
  }
}

/** Why a program that is there does not start. */
export const unstartable = (program, error) =>
  new VitrineError(
    'platform',
    `running ${program}: expected a program for ${process.platform}-${process.arch}, got ${error.code ?? error.message}; ` +
      'install the package again on this machine',
  );
