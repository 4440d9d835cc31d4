package io.sparkhawk.driver.config;

import io.sparkhawk.data.setting.Setting;

/** What a run may do that a network's other users could see. */
public record SecuritySettings(
    @Setting(
            value =
                "Whether gradients may travel unencrypted between hosts. They are sent only to"
                    + " workers that know the run's secret, but neither the ring over TCP nor NCCL"
                    + " encrypts them; a run with workers on several hosts is refused without this"
                    + " setting. Set it where the network between the hosts is trusted or encrypts"
                    + " by itself.",
            defaultValue = "false")
        boolean allowUnencryptedGradients) {}
