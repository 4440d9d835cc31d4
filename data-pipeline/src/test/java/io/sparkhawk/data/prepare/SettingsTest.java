package io.sparkhawk.data.prepare;

import static org.assertj.core.api.Assertions.assertThat;

import io.sparkhawk.data.setting.Setting;
import java.lang.reflect.RecordComponent;
import org.junit.jupiter.api.Test;

class SettingsTest {

  @Test
  void builderHasTheDocumentedDefaults() throws ReflectiveOperationException {
    PrepareSettings defaults = PrepareSettings.builder().build();
    for (RecordComponent component : PrepareSettings.class.getRecordComponents()) {
      Setting setting = component.getAnnotation(Setting.class);
      assertThat(setting).as(component.getName()).isNotNull();
      if (!setting.defaultValue().equals(Setting.REQUIRED)) {
        String value = String.valueOf(component.getAccessor().invoke(defaults));
        assertThat(value).as(component.getName()).isEqualTo(setting.defaultValue());
      }
    }
  }
}
