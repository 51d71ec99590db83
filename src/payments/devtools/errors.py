"""The errors of the tools.

ToolError
├── PrivilegeError        the servers cannot run as an unprivileged account
├── WorkspaceError        .dev/ cannot be used
│   └── AlreadyRunningError
├── ServerError           PostgreSQL or Valkey did not start
├── ServiceError          payments, gateway or worker did not start, or did not answer
├── ChildDiedError        a running part ended by itself
├── SeedError             the demo merchants could not be created
├── ManifestError         manifests cannot be read, synthesized or approved
└── DemoError             the demo did not go as the story says

Each ends a command with one line that says what happened and what to do.
"""


class ToolError(RuntimeError):
    """Something a person can act on."""


class PrivilegeError(ToolError):
    """The servers cannot run as an unprivileged account here."""


class WorkspaceError(ToolError):
    """`.dev/` cannot be used."""


class AlreadyRunningError(WorkspaceError):
    """Another process runs the platform of this working copy."""


class ServerError(ToolError):
    """An embedded server did not start; the message holds the end of its log, where there is one."""


class ServiceError(ToolError):
    """A process of the platform did not become ready, or did not answer."""


class ChildDiedError(ToolError):
    """A part of the platform ended although nobody asked it to."""


class SeedError(ToolError):
    """The service refused to create part of the demo platform."""


class ManifestError(ToolError):
    """Manifests cannot be read, synthesized or approved as they are."""


class DemoError(ToolError):
    """A step of the demo did not end as the story says."""
