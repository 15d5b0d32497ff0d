// Who may import whom: docs/rationale.md, "Layers". tests/architecture/imports.test.ts runs these rules.

/** A rule that fails the build. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const core = '^(hw|vdev|microvisor|guests)/';
const layers = ['hw', 'vdev', 'microvisor', 'guests', 'tools', 'tests'];
/** Everything of ours outside the folders named. */
const oursExcept = (...allowed) => ({
  path: `^(${layers.join('|')})/`,
  pathNot: allowed,
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    forbid('no-circle', 'A circle of imports has no reading order.', {}, { circular: true }),
    forbid('resolvable', 'An import must lead somewhere.', {}, { couldNotResolve: true }),
    forbid('hw-stands-alone', 'The machine knows nothing of ours.', { path: '^hw/' }, oursExcept('^hw/')),
    forbid(
      'vdev-sees-interfaces',
      'A device model runs on the machine and in a VMM alike: it knows only the interface of a device.',
      { path: '^vdev/' },
      oursExcept('^vdev/', '^hw/device\\.ts$'),
    ),
    forbid(
      'microvisor-sees-hw',
      'The kernel knows the machine and nothing above itself.',
      { path: '^microvisor/' },
      oursExcept('^microvisor/', '^hw/'),
    ),
    forbid(
      'abi-stands-alone',
      'What guests may know of the kernel drags in nothing of its inside.',
      { path: '^microvisor/abi/' },
      oursExcept('^microvisor/abi/'),
    ),
    forbid(
      'guests-see-the-abi',
      'A guest knows the ABI of the kernel, the SDK and its own folder.',
      { path: '^guests/([^/]+)/', pathNot: '^guests/vmm/' },
      oursExcept('^microvisor/abi/', '^guests/sdk/', '^guests/$1/'),
    ),
    forbid(
      'vmm-sees-devices',
      'The VMM, and no other guest, hosts device models.',
      { path: '^guests/vmm/' },
      oursExcept('^microvisor/abi/', '^guests/(sdk|vmm)/', '^vdev/', '^hw/device\\.ts$'),
    ),
    forbid(
      'core-has-no-host',
      'hw, vdev, microvisor and guests must run in a browser; what needs the host is an interface there.',
      { path: core },
      { dependencyTypes: ['core'] },
    ),
    forbid(
      'core-has-no-packages',
      'The core depends on no package but immer, and hw and vdev on none.',
      { path: core },
      {
        dependencyTypes: ['npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '^node_modules/immer/',
      },
    ),
    forbid(
      'machine-has-no-packages',
      'The core depends on no package but immer, and hw and vdev on none.',
      { path: '^(hw|vdev)/' },
      { path: '^node_modules/' },
    ),
    forbid(
      'commands-are-on-top',
      'What commands are made of knows nothing of the command line: it throws refusals, which the command line shows.',
      { path: '^tools/(bare|board|boot|host|image|isolation|manifest|plan|realm|root-task|run|trace)/' },
      { path: '^tools/cli/' },
    ),
    forbid('tests-are-leaves', 'Nothing that is shipped imports a test.', { pathNot: '^tests/' }, { path: '^tests/' }),
    forbid(
      'shipped-needs-no-dev-packages',
      'An installed microvisor has its dependencies, not its development dependencies.',
      { path: '^(hw|vdev|microvisor|guests|tools)/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: '^node_modules/' },
    exclude: { path: '^(dist|docs/api|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
    skipAnalysisNotInRules: true,
  },
};
