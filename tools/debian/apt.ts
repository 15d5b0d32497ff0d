// Drives the machine's own apt under a private root: its mirrors, proxies and keyrings, but riscv64, a suite of our
// choice, and not a byte written outside the given folder. apt verifies signatures and hashes itself.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why nothing can be fetched here: no fault of the program's. */
export class AptUnavailable extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
    this.name = 'AptUnavailable';
  }
}

/** A package file as the signed index describes it. */
export interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly fileName: string;
  readonly size: number;
  readonly sha256: string;
}

/** Releases in which riscv64 is a release architecture, the preferred one first. */
const suites = ['trixie', 'stable', 'testing', 'sid'] as const;
const debianSuite = /^(bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)$/;
/** Where the package debian-archive-keyring has put its keys over the years. */
const keyrings = ['/usr/share/keyrings/debian-archive-keyring.pgp', '/usr/share/keyrings/debian-archive-keyring.gpg'];
const aptHint =
  'run it on Debian, or in a container of Debian, with this folder mounted; the files can then be used anywhere';

export class PrivateApt {
  /** The suite that was found; empty before `update`. */
  suite = '';
  private readonly sources: string;
  private readonly config: string;

  constructor(private readonly root: string) {
    this.sources = join(root, 'debian.sources');
    this.config = join(root, 'apt.conf');
  }

  /** Finds a mirror of Debian among the machine's sources that has a suite for riscv64, and its signed index. */
  update(say: (line: string) => void): void {
    for (const tool of ['apt-get', 'apt-cache', 'apt-config', 'dpkg-deb', 'tar', 'xz']) {
      const { error } = spawnSync(tool, ['--version'], { stdio: 'ignore' });
      if (error === undefined) continue;
      const apt = tool.startsWith('apt');
      throw new AptUnavailable(
        apt ? 'this machine has no apt' : `this machine has no ${tool}`,
        apt ? aptHint : `install ${tool}`,
      );
    }
    const mirrors = this.mirrors();
    if (mirrors.length === 0) {
      throw new AptUnavailable("none of apt's sources is a mirror of Debian's main archive", aptHint);
    }
    for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(this.root, folder), { recursive: true });
    }
    writeFileSync(join(this.root, 'status'), '');
    writeFileSync(this.config, this.configuration());
    const failures: string[] = [];
    for (const mirror of mirrors) {
      for (const suite of suites) {
        writeFileSync(this.sources, sourceFor(mirror, suite));
        say(`asking apt's mirror for ${suite}, riscv64`);
        const { status, output } = this.run('apt-get', ['-q', 'update', '--error-on=any']);
        if (status === 0 && this.fields('linux-image-riscv64').size > 0) {
          this.suite = suite;
          return;
        }
        failures.push(`${suite}: ${output.split('\n').find((line) => /^E:/.test(line)) ?? 'no linux-image-riscv64'}`);
      }
    }
    throw new AptUnavailable(
      `no mirror of apt's sources offers Debian for riscv64\n  ${failures.join('\n  ')}`,
      aptHint,
    );
  }

  /** The fields of the newest version's entry in the index; empty if there is none. */
  fields(name: string): Map<string, string> {
    const { status, output } = this.run('apt-cache', ['show', '--no-all-versions', name]);
    const fields = new Map<string, string>();
    if (status !== 0) return fields;
    for (const match of output.matchAll(/^([A-Za-z0-9-]+): (.*)$/gm))
      fields.set(match[1] as string, match[2] as string);
    return fields;
  }

  /** What would be downloaded for a package. */
  locate(name: string): PackageFile {
    const fields = this.fields(name);
    const [version, sha256, path] = ['Version', 'SHA256', 'Filename'].map((field) => fields.get(field));
    if (version === undefined || sha256 === undefined || path === undefined) {
      throw new AptUnavailable(`${this.suite} has no package ${name} for riscv64`, aptHint);
    }
    return { name, version, sha256, size: Number(fields.get('Size')), fileName: path.slice(path.lastIndexOf('/') + 1) };
  }

  /** Downloads a package into `folder`; returns what apt said if it could not. */
  download(file: PackageFile, folder: string): string | undefined {
    const { status, output } = this.run('apt-get', ['-q', 'download', `${file.name}=${file.version}`], folder);
    return status === 0 ? undefined : output;
  }

  /** Base addresses of the machine's sources that are Debian's, without its security archive. */
  private mirrors(): string[] {
    const format = '$(TARGET_OF)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)';
    const { stdout } = spawnSync('apt-get', ['indextargets', '--no-release-info', '--format', format], {
      encoding: 'utf8',
      env: plainEnvironment(),
    });
    const found = new Set<string>();
    for (const line of stdout.split('\n')) {
      const [kind, component, release, ...uri] = line.split('|');
      if (kind === 'deb' && component === 'main' && debianSuite.test(release ?? '')) found.add(uri.join('|'));
    }
    return [...found];
  }

  /**
   * The machine's ways of transport and of authentication, and nothing else of its configuration: no hooks, no pins,
   * no permission for unsigned sources.
   */
  private configuration(): string {
    const { stdout } = spawnSync('apt-config', ['dump'], { encoding: 'utf8', env: plainEnvironment() });
    const kept = stdout
      .split('\n')
      .filter((line) => /^(Acquire|Dir::Etc::(netrc|netrcparts|trusted|trustedparts)|Dir::Bin::methods)\b/.test(line))
      .filter((line) => !/^Acquire::(IndexTargets|Allow|Languages|By-Hash|Check-)/.test(line));
    const own: Record<string, string> = {
      'Dir::Etc::main': '/dev/null',
      'Dir::Etc::parts': '/dev/null',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      'Dir::Etc::sourcelist': this.sources,
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State': join(this.root, 'state'),
      'Dir::State::status': join(this.root, 'status'),
      'Dir::Cache': join(this.root, 'cache'),
      'APT::Architecture': 'riscv64',
      'APT::Architectures': 'riscv64',
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Acquire::AllowInsecureRepositories': 'false',
      'Acquire::Retries': '2',
    };
    return `${kept.join('\n')}\n${Object.entries(own)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join('')}`;
  }

  private run(tool: string, args: string[], cwd: string = this.root): { status: number | null; output: string } {
    const env = { ...plainEnvironment(), APT_CONFIG: this.config };
    const { status, stdout, stderr } = spawnSync(tool, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28 });
    return { status, output: `${stdout}${stderr}` };
  }
}

/** A source in apt's deb822 form (sources.list(5)). Without the usual keyring apt tries those that it trusts. */
function sourceFor(mirror: string, suite: string): string {
  const keyring = keyrings.find((path) => existsSync(path));
  const signed = keyring === undefined ? '' : `Signed-By: ${keyring}\n`;
  return `Types: deb\nURIs: ${mirror}\nSuites: ${suite}\nComponents: main\nArchitectures: riscv64\n${signed}`;
}

/** Messages in English, whatever the user's language: some of them are read. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C' };
}
