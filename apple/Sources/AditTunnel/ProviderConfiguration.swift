// Where the app that owns the tunnel leaves its configuration for the provider.

/// What the app puts into `NETunnelProviderProtocol.providerConfiguration`.
public enum ProviderConfiguration {
    /// The key of the configuration's text, in the form of a QR code or of `wg-quick`.
    public static let textKey = "AditConfiguration"

    /// The text, of what the system hands to the provider.
    static func text(in configuration: [String: Any]?) throws(ProviderError) -> String {
        guard let text = configuration?[textKey] as? String else {
            throw ProviderError(
                kind: .configuration,
                reason: "There is no configuration: the app puts its text under `\(textKey)`."
            )
        }
        return text
    }
}
