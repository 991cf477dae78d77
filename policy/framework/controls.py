"""The security controls that the rules implement: https://learn.microsoft.com/security/benchmark/azure/overview."""

from enum import Enum

from pulumi_policy import PolicyComplianceFramework


class Control(Enum):
    """A control of the Microsoft cloud security benchmark, by its reference and title."""

    NETWORK = ("NS-2", "Secure cloud services with network controls")
    CENTRAL_IDENTITY = ("IM-1", "Use centralized identity and authentication system")
    APPLICATION_IDENTITY = ("IM-3", "Manage application identities securely and automatically")
    NO_EXPOSED_SECRET = ("IM-8", "Restrict the exposure of credential and secrets")
    LEAST_PRIVILEGE = ("PA-7", "Follow just enough administration (least privilege) principle")
    IN_TRANSIT = ("DP-3", "Encrypt sensitive data in transit")
    KEY_LIFE = ("DP-6", "Use a secure key management process")
    KEY_REPOSITORY = ("DP-8", "Ensure security of key and certificate repository")
    ASSET_LIFE = ("AM-3", "Ensure security of asset lifecycle management")
    LOGGING = ("LT-3", "Enable logging for security investigation")
    BACKUP = ("BR-2", "Protect backup and recovery data")
    CONFIGURATION = ("PV-1", "Define and establish secure configurations")
    SUPPLY_CHAIN = ("DS-2", "Ensure software supply chain security")

    @property
    def framework(self) -> PolicyComplianceFramework:
        """The control in the form that the engine shows."""
        reference, title = self.value
        return PolicyComplianceFramework("Microsoft cloud security benchmark", "1.0", reference, title)
